// Asks the OCSP responder as a relying party does, about one certificate whose status is known otherwise.

import { randomBytes } from 'node:crypto';
import type { Authority } from '../authority.ts';
import { fetchBounded } from '../fetch.ts';
import { certIdFor } from '../x509/ocsp.ts';
import { buildOcspRequest, verifyOcspResponse } from '../x509/ocsp-verify.ts';

const DEADLINE_MS = 10_000;
/** RFC 5019 responses have a few kilobytes. */
const MAX_BYTES = 64 * 1024;

export type OcspAsked = {
  readonly url: string;
  readonly issuer: Authority;
  readonly serial: Uint8Array;
  readonly now: () => Date;
};

/** 'good', 'revoked' or 'unknown' when the answer can be believed; else why not. */
export type OcspSaid = { readonly status: 'good' | 'revoked' | 'unknown' } | { readonly fault: string };

/** Asks once. Never throws for what comes back. */
export async function askOcsp({ url, issuer, serial, now }: OcspAsked): Promise<OcspSaid> {
  const certId = certIdFor(issuer.certificate.subject, issuer.certificate.spki, serial);
  const nonce = randomBytes(16);
  const fetched = await fetchBounded({
    ...{ url, deadlineMs: DEADLINE_MS, maxBytes: MAX_BYTES },
    body: buildOcspRequest(certId, nonce),
    headers: { 'content-type': 'application/ocsp-request' },
  });
  if ('fault' in fetched) return fetched;
  if (fetched.status !== 200) return { fault: `HTTP ${fetched.status}` };
  const verdict = verifyOcspResponse(fetched.body, { certId, nonce, issuer: issuer.certificate, now: now() });
  if ('error' in verdict) return { fault: `it answers ${verdict.error}` };
  const [finding] = verdict.findings;
  if (finding !== undefined) return { fault: finding.detail };
  const status = verdict.answer?.status;
  if (status === undefined) return { fault: 'the answer is about another certificate' };
  return { status: 'good' in status ? 'good' : 'revoked' in status ? 'revoked' : 'unknown' };
}
