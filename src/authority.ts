// The certification authorities as the running service knows them: their certificates, read once, with what every issuance
// needs of them computed in advance.

import { type SignatureAlgorithm, signatureAlgorithmFor, type VerifyingKey, verifyingKey } from './x509/algorithms.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { keyDigest, keyIdentifier } from './x509/keys.ts';

export type Authority = {
  /** the stem of its file names: `ACI-EL-ORG-TEST` */
  readonly id: string;
  readonly kind: 'root' | 'intermediate';
  /** the id of the CA that signed its certificate; its own for a root */
  readonly issuer: string;
  readonly certificate: Certificate;
  /** CKA_ID of its key = SHA-1 of the subjectPublicKey bits */
  readonly keyId: Uint8Array;
  readonly keyDigest: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  /** what verifies its signatures */
  readonly verifyingKey: VerifyingKey;
};

export type Authorities = ReadonlyMap<string, Authority>;

/** Reads one CA certificate into an Authority. Throws DerError when the bytes are not a certificate. */
export function readAuthority(row: {
  id: string;
  kind: 'root' | 'intermediate';
  issuer: string;
  certificate: Uint8Array;
}): Authority {
  const certificate = parseCertificate(row.certificate);
  return {
    id: row.id,
    kind: row.kind,
    issuer: row.issuer,
    certificate,
    keyId: keyIdentifier(certificate.spki),
    keyDigest: keyDigest(certificate.spki),
    algorithm: signatureAlgorithmFor(certificate.spki),
    verifyingKey: verifyingKey(certificate.spki),
  };
}

/** The certificates above one issued by `id`: its issuer first, the root last. */
export function chainOf(authorities: Authorities, id: string): readonly Authority[] {
  const issuer = authorities.get(id);
  if (issuer === undefined) return [];
  return issuer.kind === 'root' ? [issuer] : [issuer, ...chainOf(authorities, issuer.issuer)];
}
