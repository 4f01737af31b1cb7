// A certificate as igc shows it: one shape for what was just issued, for a row of a list, and for `show`; field names are those
// of the API and of the rows.

import { listedState } from '#db/certificate-list.ts';
import type { CertificateRecord, CertificateSummary } from '#db/certificates.ts';
import { type Authorities, chainOf } from '../../src/authority.ts';
import { certificateUrl, crlUrl, type Hierarchy } from '../../src/policy/hierarchy.ts';
import { toPem } from '../../src/x509/pem.ts';

/** A row of a list; `state` tells revoked and expired certificates from issued ones. */
export function certificateRow(row: CertificateSummary, now: Date) {
  return {
    id: row.id,
    profile: row.profile,
    state: listedState(row, now),
    serial: Buffer.from(row.serial).toString('hex'),
    issuer: row.issuer,
    subject: row.subject,
    holder: row.holderKey,
    structure: row.structure ?? null,
    keyDigest: Buffer.from(row.keyDigest).toString('hex'),
    notBefore: row.notBefore.toISOString(),
    notAfter: row.notAfter.toISOString(),
    created: row.createdAt.toISOString(),
    revokedAt: row.revocation?.revokedAt.toISOString() ?? null,
    reason: row.revocation?.reason ?? null,
    actor: row.actor,
  };
}

type Shown = { readonly hierarchy: Hierarchy; readonly authorities: Authorities; readonly now: Date };

/** Everything about one certificate; PEM of it and of its chain, issuer first and root last, where it was issued. */
export function certificateDocument(row: CertificateRecord, { hierarchy, authorities, now }: Shown) {
  const chain = chainOf(authorities, row.issuer).map(({ certificate }) => toPem('CERTIFICATE', certificate.der));
  return {
    ...certificateRow(row, now),
    profileDigest: row.profileDigest,
    links: {
      issuerCertificate: certificateUrl(hierarchy, row.issuer),
      crl: crlUrl(hierarchy, row.issuer),
      ocsp: hierarchy.urls.ocsp,
    },
    ...(row.der === undefined ? {} : { certificate: toPem('CERTIFICATE', row.der), chain }),
  };
}

export type CertificateDocument = ReturnType<typeof certificateDocument>;

/** The certificate and those above it as one PEM text, without the root, which relying parties have; undefined when it was not issued. */
export const pemChain = ({ certificate, chain }: CertificateDocument): string | undefined =>
  certificate === undefined || chain === undefined ? undefined : [certificate, ...chain.slice(0, -1)].join('');

/** The same document without PEM, for people. */
export function withoutPem({ certificate, chain, links, ...rest }: CertificateDocument) {
  return { ...rest, ...links };
}
