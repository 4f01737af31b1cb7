// A certificate as it stands in lists, and at the head of its own document: built field by field, so that nothing else gets out.

import type { CertificateSummaryView } from '../ra/certificate-view.ts';

/** Where a certificate is found. */
export const linkOf = (id: string): string => `/v1/certificates/${id}`;

/** The members that a list and a document have in common. */
export function summaryJson(view: CertificateSummaryView) {
  const { holder, revocation } = view;
  return {
    id: view.id,
    profile: view.profile,
    state: view.state,
    issuer: view.issuer,
    serial: view.serial,
    subject: view.subject,
    holder: { structure: holder.structure, identifier: holder.identifier },
    keyDigest: view.keyDigest,
    notBefore: view.notBefore,
    notAfter: view.notAfter,
    created: view.created,
    ...(revocation === undefined ? {} : { revocation: { reason: revocation.reason, revokedAt: revocation.revokedAt } }),
  };
}

/** One certificate of a list. */
export const listedJson = (view: CertificateSummaryView) => ({
  ...summaryJson(view),
  links: { self: linkOf(view.id) },
});
