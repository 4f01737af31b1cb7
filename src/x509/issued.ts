// Whether one certificate vouches for another: the step of path validation that every path here is made of. Revocation and the usages of
// the certificate are for the caller to judge.

import { parseSignatureAlgorithm, type VerifyingKey, verifySignature } from './algorithms.ts';
import type { Certificate } from './certificate.ts';

/**
 * Why `issuer` does not vouch for `certificate` at `now`: another name, outside its validity, or a wrong signature; undefined when it
 * does (RFC 5280 §6.1.3 Basic Certificate Processing, (a)).
 */
export function faultOfIssued(
  certificate: Certificate,
  issuer: Certificate,
  now: Date,
): 'name' | 'validity' | 'signature' | undefined {
  if (Buffer.compare(certificate.issuer, issuer.subject) !== 0) return 'name';
  if (now < certificate.notBefore || now > certificate.notAfter) return 'validity';
  return isSignedBy(certificate, issuer.spki) ? undefined : 'signature';
}

/** Whether the signature of a certificate is that of `key` (a SubjectPublicKeyInfo, or one read beforehand), by the algorithm that it names. */
export function isSignedBy(certificate: Certificate, key: Uint8Array | VerifyingKey): boolean {
  const algorithm = parseSignatureAlgorithm(certificate.signatureAlgorithm);
  return algorithm !== undefined && verifySignature(algorithm, key, certificate.tbs, certificate.signature);
}
