// What a caller is shown of a certificate: the row, its chain, its state at this moment, and where to learn more.

import { listedState } from '#db/certificate-list.ts';
import { type CertificateRecord, type CertificateSummary, findCertificate } from '#db/certificates.ts';
import { chainOf } from '../authority.ts';
import { Refusal } from '../errors.ts';
import { certificateUrl, crlUrl } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import type { AdministratorActor } from './find-actor.ts';

/** Of those that were issued: revoked, expired without having been revoked, or neither. */
export const VISIBLE_STATES = ['issued', 'revoked', 'expired'] as const;
type VisibleState = (typeof VISIBLE_STATES)[number];

/** What a list shows of a certificate. */
export type CertificateSummaryView = {
  readonly id: string;
  readonly profile: string;
  readonly state: VisibleState;
  /** lower-case hexadecimal, as openssl prints it without colons */
  readonly serial: string;
  /** id of the CA */
  readonly issuer: string;
  readonly subject: string;
  /** `structure` is whose certificate it is, `identifier` who holds it: a structure itself, or a person by IdNat_PS */
  readonly holder: { readonly structure: string; readonly identifier: string };
  /** `keyDigest` of the public key, lower-case hexadecimal */
  readonly keyDigest: string;
  /** ISO 8601, as all times here */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly created: string;
  readonly revocation?: { readonly revokedAt: string; readonly reason: string };
};

export type CertificateView = CertificateSummaryView & {
  readonly certificate: Uint8Array;
  /** issuer first, root last; DER */
  readonly chain: readonly Uint8Array[];
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
  if (row?.der === undefined || row.structure === undefined || !query.actor.structures.includes(row.structure))
    throw new Refusal('not_found', 'there is no such certificate');
  return viewOf(system, { ...row, der: row.der });
}

/** The view of a certificate whose row is known. */
export function viewOf(system: ViewNeeds, row: CertificateRecord & { readonly der: Uint8Array }): CertificateView {
  const { hierarchy } = system.policies;
  return {
    ...summaryViewOf(row, system.clock()),
    certificate: row.der,
    chain: chainOf(system.authorities, row.issuer).map(({ certificate }) => certificate.der),
    links: {
      issuerCertificate: certificateUrl(hierarchy, row.issuer),
      crl: crlUrl(hierarchy, row.issuer),
      ocsp: hierarchy.urls.ocsp,
    },
  };
}

/** A row that was issued and belongs to a structure, as it stands at a moment. */
export function summaryViewOf(row: CertificateSummary, now: Date): CertificateSummaryView {
  const state = VISIBLE_STATES.find((visible) => visible === listedState(row, now));
  if (state === undefined || row.structure === undefined) throw new TypeError('this row is nobody’s to see');
  return {
    id: row.id,
    profile: row.profile,
    state,
    serial: Buffer.from(row.serial).toString('hex'),
    issuer: row.issuer,
    subject: row.subject,
    holder: { structure: row.structure, identifier: row.holderKey },
    keyDigest: Buffer.from(row.keyDigest).toString('hex'),
    notBefore: row.notBefore.toISOString(),
    notAfter: row.notAfter.toISOString(),
    created: row.createdAt.toISOString(),
    ...(row.revocation === undefined
      ? {}
      : { revocation: { revokedAt: row.revocation.revokedAt.toISOString(), reason: row.revocation.reason } }),
  };
}
