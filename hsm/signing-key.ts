// A key as the signer knows it before it asks any token: from its own copies of the CA certificates, or from the public key.
import type { KeyObject } from 'node:crypto';
import { type Finding, Refusal } from '../src/errors.ts';
import {
  publicKeyObject,
  type SignatureAlgorithm,
  signatureAlgorithmFor,
  signatureAlgorithmIdentifier,
} from '../src/x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../src/x509/certificate.ts';
import { keyIdentifier } from '../src/x509/keys.ts';

export type SigningKey = {
  /** CKA_ID: SHA-1 of the subjectPublicKey bits */
  readonly keyId: Uint8Array;
  readonly spki: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  /** DER of the AlgorithmIdentifier that must stand inside what this key signs */
  readonly algorithmIdentifier: Uint8Array;
  /** the public key as node:crypto takes it, made once */
  readonly publicKey: KeyObject;
};

/** A key of the issuing token, and the certificate that makes it a CA's. */
export type IssuingKey = SigningKey & {
  readonly id: string;
  readonly certificate: Certificate;
  /** whether everything that it issues is for cards, which nobody orders */
  readonly cardsOnly: boolean;
};

/** A CA's certificate as the signer is given it. */
export type AuthorityFile = {
  readonly id: string;
  readonly certificate: Uint8Array;
  readonly cardsOnly?: boolean;
};

/** Throws DerError, and TypeError for a key of no use here. */
export function signingKeyOf(spki: Uint8Array): SigningKey {
  const algorithm = signatureAlgorithmFor(spki);
  const algorithmIdentifier = signatureAlgorithmIdentifier(algorithm);
  // copies of their own: a view would take its whole buffer along to the token's thread
  return {
    keyId: new Uint8Array(keyIdentifier(spki)),
    spki: new Uint8Array(spki),
    algorithm,
    algorithmIdentifier,
    publicKey: publicKeyObject(spki),
  };
}

/** Reads the certificates of every CA. Throws Refusal `configuration_invalid` with each that cannot be read. */
export function readAuthorities(files: readonly AuthorityFile[]): IssuingKey[] {
  const findings: Finding[] = [];
  const keys = files.flatMap(({ id, certificate: der, cardsOnly = false }) => {
    try {
      const certificate = parseCertificate(der);
      return [{ id, certificate, cardsOnly, ...signingKeyOf(certificate.spki) }];
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unreadable';
      findings.push({ rule: 'RFC 5280 §4.1 Basic Certificate Fields', at: id, detail });
      return [];
    }
  });
  if (findings.length > 0) throw new Refusal('configuration_invalid', 'a CA certificate cannot be read', findings);
  return keys;
}

/** A root's certificate is its own issuer's; its key lives in a token that no signer opens. */
export const isRoot = ({ certificate }: IssuingKey): boolean =>
  Buffer.compare(certificate.issuer, certificate.subject) === 0;
