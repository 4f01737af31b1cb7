// Signature algorithms: their identifiers, which one a key signs with, and verification in software. Neither RSASSA-PSS nor
// anything with MD5 or SHA-1 is among them.
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerError, type DerLimits, readDer, readInteger, readObjectIdentifier, TAG } from './der.ts';
import { NULL, objectIdentifier, sequence } from './der-writer.ts';
import { type Curve, type KeyAlgorithm, keyAlgorithmOf } from './keys.ts';
import { OID } from './oids.ts';

export type SignatureAlgorithm =
  | 'sha256WithRSAEncryption'
  | 'sha384WithRSAEncryption'
  | 'sha512WithRSAEncryption'
  | 'ecdsa-with-SHA256'
  | 'ecdsa-with-SHA384'
  | 'ecdsa-with-SHA512';

type Registered = { readonly key: KeyAlgorithm['type']; readonly hash: 'sha256' | 'sha384' | 'sha512' };

export const SIGNATURE_ALGORITHMS: Readonly<Record<SignatureAlgorithm, Registered>> = {
  sha256WithRSAEncryption: { key: 'rsa', hash: 'sha256' },
  sha384WithRSAEncryption: { key: 'rsa', hash: 'sha384' },
  sha512WithRSAEncryption: { key: 'rsa', hash: 'sha512' },
  'ecdsa-with-SHA256': { key: 'ec', hash: 'sha256' },
  'ecdsa-with-SHA384': { key: 'ec', hash: 'sha384' },
  'ecdsa-with-SHA512': { key: 'ec', hash: 'sha512' },
};

const BY_OID: ReadonlyMap<string, SignatureAlgorithm> = new Map(
  (Object.keys(SIGNATURE_ALGORITHMS) as SignatureAlgorithm[]).map((name) => [OID[name], name]),
);

/** Order of the base point of each curve (FIPS 186-4 §D.1.2 Curves over Prime Fields). */
const ORDERS: Record<Curve, bigint> = {
  'P-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  'P-384': 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

const ECDSA_LIMITS: DerLimits = { bytes: 256, depth: 2, elements: 3 };

/** The AlgorithmIdentifier: NULL parameters for RSA (RFC 4055 §5), none for ECDSA (RFC 5758 §3.2). */
export function signatureAlgorithmIdentifier(name: SignatureAlgorithm): Uint8Array {
  const oid = objectIdentifier(OID[name]);
  return SIGNATURE_ALGORITHMS[name].key === 'rsa' ? sequence(oid, NULL) : sequence(oid);
}

/**
 * The name behind a signature's AlgorithmIdentifier, or undefined where it is not one of ours: other algorithms, odd
 * parameters, ECDSA with NULL. RSA without parameters is understood, as RFC 4055 §5 demands. Throws DerError where it is not DER.
 */
export function parseSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm | undefined {
  const whole = readDer(der);
  const [oid, parameters, ...rest] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || oid === undefined || rest.length > 0) {
    throw new DerError('an AlgorithmIdentifier was expected', 0);
  }
  const name = BY_OID.get(readObjectIdentifier(oid));
  if (name === undefined || parameters === undefined) return name;
  return SIGNATURE_ALGORITHMS[name].key === 'rsa' && parameters.tag === TAG.NULL ? name : undefined;
}

/** The algorithm with which the holder of this key signs. Throws DerError, and TypeError for a key of no use here. */
export function signatureAlgorithmFor(spki: Uint8Array): SignatureAlgorithm {
  const key = keyAlgorithmOf(spki);
  if (key === undefined) throw new TypeError('no signature algorithm for a key of this kind');
  if (key.type === 'rsa') return 'sha256WithRSAEncryption';
  return key.curve === 'P-256' ? 'ecdsa-with-SHA256' : 'ecdsa-with-SHA384';
}

/** A public key that many signatures are verified with: taken apart, and read by OpenSSL, once. */
export type VerifyingKey = { readonly algorithm: KeyAlgorithm; readonly key: KeyObject };

/** The key of a SubjectPublicKeyInfo. Throws DerError, TypeError for a key of no use here, and what OpenSSL throws. */
export function verifyingKey(spki: Uint8Array): VerifyingKey {
  const algorithm = keyAlgorithmOf(spki);
  if (algorithm === undefined) throw new TypeError('nothing is verified with a key of this kind');
  return { algorithm, key: publicKeyObject(spki) };
}

/**
 * Whether `signature` is this key's over `data`. Never throws: a key or a signature that cannot be read is just not valid.
 * The key is a SubjectPublicKeyInfo, or was read beforehand where it comes again.
 * ECDSA signatures must be strict DER with r and s in [1, n-1]; what OpenSSL tolerates beyond that is not looked at.
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  by: Uint8Array | VerifyingKey,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const { algorithm: kind, key } = by instanceof Uint8Array ? verifyingKey(by) : by;
    const { key: type, hash } = SIGNATURE_ALGORITHMS[algorithm];
    if (kind.type !== type) return false;
    if (kind.type === 'ec' && !isEcdsaSignature(signature, ORDERS[kind.curve])) return false;
    return verify(hash, data, key, signature);
  } catch {
    return false;
  }
}

/** The key as node:crypto takes it. Throws where OpenSSL refuses the key. */
export const publicKeyObject = (spki: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });

function isEcdsaSignature(signature: Uint8Array, order: bigint): boolean {
  const whole = readDer(signature, ECDSA_LIMITS);
  const numbers = whole.children.map(readInteger);
  return whole.tag === TAG.SEQUENCE && numbers.length === 2 && numbers.every((n) => n >= 1n && n < order);
}
