// Public keys as SubjectPublicKeyInfo: taken apart, built, named by their digests. Whether a key is good enough is src/policy's affair.
import { createHash } from 'node:crypto';
import {
  type DerElement,
  DerError,
  readBitStringOctets,
  readDer,
  readInteger,
  readObjectIdentifier,
  TAG,
} from './der.ts';
import { bitString, integer, NULL, objectIdentifier, sequence } from './der-writer.ts';
import { OID } from './oids.ts';

export type Curve = 'P-256' | 'P-384';

/** The algorithms that this authority has keys of. */
export type KeyAlgorithm =
  | { readonly type: 'rsa'; readonly bits: number }
  | { readonly type: 'ec'; readonly curve: Curve };

const CURVES: Record<Curve, { oid: string; pointOctets: number }> = {
  'P-256': { oid: OID.secp256r1, pointOctets: 65 },
  'P-384': { oid: OID.secp384r1, pointOctets: 97 },
};

export type SubjectPublicKeyInfo = {
  /** dotted algorithm */
  readonly algorithm: string;
  readonly parameters?: DerElement;
  /** the octets of subjectPublicKey */
  readonly publicKey: Uint8Array;
};

/** Takes a SubjectPublicKeyInfo apart (RFC 5280 §4.1.2.7 Subject Public Key Info). Throws DerError. */
export function parseSpki(spki: Uint8Array): SubjectPublicKeyInfo {
  const whole = readDer(spki);
  const [algorithm, bits, ...rest] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || algorithm?.tag !== TAG.SEQUENCE || bits === undefined || rest.length > 0) {
    throw new DerError('a SubjectPublicKeyInfo is a SEQUENCE of algorithm and key', 0);
  }
  const [oid, parameters, ...more] = algorithm.children;
  if (oid === undefined || more.length > 0) throw new DerError('an AlgorithmIdentifier was expected', algorithm.offset);
  const parts = { algorithm: readObjectIdentifier(oid), publicKey: readBitStringOctets(bits) };
  return parameters === undefined ? parts : { ...parts, parameters };
}

/** Modulus and exponent of an RSAPublicKey (RFC 8017 §A.1.1 RSA Public Key Syntax). Throws DerError. */
export function parseRsaPublicKey(publicKey: Uint8Array): { modulus: bigint; exponent: bigint } {
  const key = readDer(publicKey);
  const [modulus, exponent, ...rest] = key.children;
  if (key.tag !== TAG.SEQUENCE || modulus === undefined || exponent === undefined || rest.length > 0) {
    throw new DerError('an RSAPublicKey is a SEQUENCE of modulus and exponent', 0);
  }
  const numbers = { modulus: readInteger(modulus), exponent: readInteger(exponent) };
  if (numbers.modulus <= 0n || numbers.exponent <= 0n) throw new DerError('modulus and exponent are positive', 0);
  return numbers;
}

/** What kind of key this is; undefined for a kind that this authority has no use for. Throws DerError where it is not DER. */
export function keyAlgorithmOf(spki: Uint8Array): KeyAlgorithm | undefined {
  const { algorithm, parameters, publicKey } = parseSpki(spki);
  if (algorithm === OID.rsaEncryption && parameters?.tag === TAG.NULL) {
    return { type: 'rsa', bits: parseRsaPublicKey(publicKey).modulus.toString(2).length };
  }
  if (algorithm !== OID.ecPublicKey || parameters?.tag !== TAG.OBJECT_IDENTIFIER) return undefined;
  const named = readObjectIdentifier(parameters);
  for (const curve of ['P-256', 'P-384'] as const) {
    const { oid, pointOctets } = CURVES[curve];
    if (named === oid && publicKey.length === pointOctets && publicKey[0] === 0x04) return { type: 'ec', curve };
  }
  return undefined;
}

/** The octets of the subjectPublicKey BIT STRING, tag, length and unused bits left out. Throws DerError. */
export const subjectPublicKeyBits = (spki: Uint8Array): Uint8Array => parseSpki(spki).publicKey;

/** The 20 octets that name a key: SHA-1 of subjectPublicKey (RFC 5280 §4.2.1.2 Subject Key Identifier, method 1). Throws DerError. */
export const keyIdentifier = (spki: Uint8Array): Uint8Array =>
  createHash('sha1').update(subjectPublicKeyBits(spki)).digest();

/**
 * 32 octets by which a key is found again, the same for every public key that the holder of one private key can derive: SHA-256 of
 * an RSA modulus, whatever the exponent, or of curve and x of an EC point, whatever the sign of y. Throws DerError.
 */
export function keyDigest(spki: Uint8Array): Uint8Array {
  const { algorithm, parameters, publicKey } = parseSpki(spki);
  const hash = createHash('sha256').update(algorithm);
  if (algorithm === OID.rsaEncryption) return hash.update(parseRsaPublicKey(publicKey).modulus.toString(16)).digest();
  if (parameters !== undefined) hash.update(parameters.bytes);
  return hash.update(publicKey.subarray(1, 1 + (publicKey.length - 1) / 2)).digest();
}

/** SubjectPublicKeyInfo of an RSA key (RFC 3279 §2.3.1 RSA Keys); big-endian octets, taken as unsigned. */
export const buildRsaSpki = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
  sequence(
    sequence(objectIdentifier(OID.rsaEncryption), NULL),
    bitString(sequence(integer(modulus), integer(exponent))),
  );

/** SubjectPublicKeyInfo of an EC key (RFC 5480 §2.1.1 Unrestricted Algorithm Identifier); `point` is 04 ‖ x ‖ y. */
export function buildEcSpki(curve: Curve, point: Uint8Array): Uint8Array {
  const { oid, pointOctets } = CURVES[curve];
  if (point.length !== pointOctets || point[0] !== 0x04) throw new TypeError(`no uncompressed point of ${curve}`);
  return sequence(sequence(objectIdentifier(OID.ecPublicKey), objectIdentifier(oid)), bitString(point));
}
