// What a caller is shown of a certificate: the row, its chain, its state at this moment, and where to learn more.

import { type CertificateRecord, findCertificate } from '#db/certificates.ts';
import { chainOf } from '../authority.ts';
import { Refusal } from '../errors.ts';
import { certificateUrl, crlUrl } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import type { AdministratorActor } from './find-actor.ts';

export type CertificateView = {
  readonly id: string;
  readonly profile: string;
  readonly state: 'issued' | 'revoked' | 'expired';
  /** lower-case hexadecimal, as openssl prints it without colons */
  readonly serial: string;
  /** id of the CA */
  readonly issuer: string;
  readonly subject: string;
  readonly holder: { readonly structure: string };
  /** ISO 8601, as all times here */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly certificate: Uint8Array;
  /** issuer first, root last; DER */
  readonly chain: readonly Uint8Array[];
  readonly revocation?: { readonly revokedAt: string; readonly reason: string };
  /** absolute URLs, as the certificate itself carries them */
  readonly links: { readonly issuerCertificate: string; readonly crl: string; readonly ocsp: string };
};

type ViewNeeds = Needs<'db' | 'authorities' | 'policies' | 'clock'>;

/** The view of one issued certificate for an administrator, who sees those of their own structures and nothing else. Throws Refusal `not_found`. */
export async function findVisibleCertificate(
  system: ViewNeeds,
  query: { id: string; actor: AdministratorActor },
): Promise<CertificateView> {
  const row = await findCertificate(system.db.read, query.id);
  if (row?.der === undefined || !query.actor.structures.includes(row.holderKey))
    throw new Refusal('not_found', 'there is no such certificate');
  return viewOf(system, row, row.der);
}

function viewOf(system: ViewNeeds, row: CertificateRecord, der: Uint8Array): CertificateView {
  const { hierarchy } = system.policies;
  const expired = row.notAfter < system.clock();
  return {
    id: row.id,
    profile: row.profile,
    state: row.revocation !== undefined ? 'revoked' : expired ? 'expired' : 'issued',
    serial: Buffer.from(row.serial).toString('hex'),
    issuer: row.issuer,
    subject: row.subject,
    holder: { structure: row.holderKey },
    notBefore: row.notBefore.toISOString(),
    notAfter: row.notAfter.toISOString(),
    certificate: der,
    chain: chainOf(system.authorities, row.issuer).map(({ certificate }) => certificate.der),
    ...(row.revocation === undefined
      ? {}
      : { revocation: { revokedAt: row.revocation.revokedAt.toISOString(), reason: row.revocation.reason } }),
    links: {
      issuerCertificate: certificateUrl(hierarchy, row.issuer),
      crl: crlUrl(hierarchy, row.issuer),
      ocsp: hierarchy.urls.ocsp,
    },
  };
}
