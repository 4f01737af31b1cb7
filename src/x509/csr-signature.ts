// How a request may be signed, and whether its signature proves that the sender has the private key.
import { constants, verify } from 'node:crypto';
import { type Finding, Refusal } from '../errors.ts';
import {
  publicKeyObject,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  signatureAlgorithmIdentifier,
  verifySignature,
} from './algorithms.ts';
import type { CsrFault } from './csr-fault.ts';
import { type DerElement, DerError, readObjectIdentifier, TAG } from './der.ts';
import { explicit, integer, NULL, objectIdentifier, sequence } from './der-writer.ts';
import { type KeyAlgorithm, keyAlgorithmOf } from './keys.ts';
import { OID } from './oids.ts';

type Hash = 'sha256' | 'sha384' | 'sha512';

/** A signature's algorithm; RSASSA-PSS is taken in requests though no certificate is signed with it. */
export type CsrAlgorithm = SignatureAlgorithm | { readonly pss: Hash };

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const SALT: Record<Hash, number> = { sha256: 32, sha384: 48, sha512: 64 };
const HASHES = Object.keys(SALT) as Hash[];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Every AlgorithmIdentifier that is accepted, as bytes: DER leaves no other way to write it, so nothing needs to be taken apart.
 * RSA with NULL parameters or, as RFC 4055 §5 PKCS #1 Version 1.5 Signature Algorithm obliges readers, without; ECDSA without
 * (RFC 5758 §3.2 ECDSA Signature Algorithm); PSS as in `pssIdentifiers`.
 */
const ACCEPTED: ReadonlyMap<string, CsrAlgorithm> = new Map([
  ...(Object.keys(SIGNATURE_ALGORITHMS) as SignatureAlgorithm[]).flatMap((name): [string, CsrAlgorithm][] => [
    [hex(signatureAlgorithmIdentifier(name)), name],
    [hex(sequence(objectIdentifier(OID[name]))), name],
  ]),
  ...HASHES.flatMap((pss) => pssIdentifiers(pss).map((der): [string, CsrAlgorithm] => [hex(der), { pss }])),
]);

/**
 * RSASSA-PSS with one hash for both uses, a salt as long as the hash, and the default trailer (RFC 4055 §3.1 RSASSA-PSS Public
 * Keys); hashes with NULL parameters or without, both of which §2.1 One-way Hash Functions obliges readers to accept.
 */
function pssIdentifiers(pss: Hash): Uint8Array[] {
  const oid = objectIdentifier(OID[pss]);
  const hashes = [sequence(oid, NULL), sequence(oid)];
  return hashes.flatMap((hash) =>
    hashes.map((masked) =>
      sequence(
        objectIdentifier(RSASSA_PSS),
        sequence(
          explicit(0, hash),
          explicit(1, sequence(objectIdentifier(MGF1), masked)),
          explicit(2, integer(SALT[pss])),
        ),
      ),
    ),
  );
}

const RULE = 'RFC 2986 §4.2 CertificationRequest';

/** The algorithm, or why it is not accepted (`csr_algorithm_not_allowed`). Throws DerError where it is no AlgorithmIdentifier. */
export function readCsrAlgorithm(identifier: DerElement): { algorithm?: CsrAlgorithm; faults: readonly CsrFault[] } {
  const [oid, , ...rest] = identifier.children;
  if (identifier.tag !== TAG.SEQUENCE || oid === undefined || rest.length > 0) {
    throw new DerError('an AlgorithmIdentifier was expected', identifier.offset);
  }
  const dotted = readObjectIdentifier(oid);
  const algorithm = ACCEPTED.get(hex(identifier.bytes));
  if (algorithm !== undefined) return { algorithm, faults: [] };
  const finding: Finding = {
    rule: RULE,
    at: `signatureAlgorithm @ ${identifier.offset}`,
    detail: KNOWN.has(dotted) ? `${dotted} with other parameters than it may have` : `${dotted} is not accepted`,
    remedy: dotted === RSASSA_PSS ? PSS_REMEDY : 'sign with SHA-256, SHA-384 or SHA-512 and an RSA or EC key',
  };
  return { faults: [{ code: 'csr_algorithm_not_allowed', finding }] };
}

const KNOWN: ReadonlySet<string> = new Set([
  RSASSA_PSS,
  ...Object.keys(SIGNATURE_ALGORITHMS).map((name) => OID[name as SignatureAlgorithm]),
]);
const PSS_REMEDY =
  'use SHA-256, SHA-384 or SHA-512, MGF1 with the same hash, and a salt as long as the hash (openssl: -sigopt rsa_pss_saltlen:-1)';

type Signed = {
  readonly signatureAlgorithm: CsrAlgorithm;
  readonly spki: Uint8Array;
  /** the very bytes that the signature is over */
  readonly info: Uint8Array;
  readonly signature: Uint8Array;
};

/** Throws Refusal: `csr_algorithm_not_allowed` where the key is not one of this algorithm, `csr_signature_invalid` otherwise. */
export function checkCsrSignature(signed: Signed): void {
  const { signatureAlgorithm: algorithm, spki, signature } = signed;
  const key = keyOf(spki);
  if (key?.type !== (typeof algorithm === 'string' ? SIGNATURE_ALGORITHMS[algorithm].key : 'rsa')) {
    throw refusal('csr_algorithm_not_allowed', 'the signature algorithm is not one of this kind of key');
  }
  if (signature.length === 0) throw refusal('csr_signature_invalid', 'the signature is empty');
  // RFC 8017 §8.2.2: as long as the modulus
  if (key.type === 'rsa' && signature.length !== Math.ceil(key.bits / 8)) {
    throw refusal('csr_signature_invalid', 'the signature is not as long as the modulus');
  }
  if (!isValid(signed)) {
    throw refusal('csr_signature_invalid', "the signature is not this key's over these bytes, or not strict DER");
  }
}

function isValid({ signatureAlgorithm: algorithm, spki, info, signature }: Signed): boolean {
  if (typeof algorithm === 'string') return verifySignature(algorithm, spki, info, signature);
  const { pss } = algorithm;
  try {
    const key = { key: publicKeyObject(spki), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT[pss] };
    return verify(pss, info, key, signature);
  } catch {
    // OpenSSL takes no such key: then it has signed nothing
    return false;
  }
}

function keyOf(spki: Uint8Array): KeyAlgorithm | undefined {
  try {
    return keyAlgorithmOf(spki);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function refusal(code: 'csr_algorithm_not_allowed' | 'csr_signature_invalid', detail: string): Refusal {
  const remedy = 'make the request again with the private key of the public key in it';
  return new Refusal(code, 'the request does not prove possession of the private key', [
    { rule: RULE, at: 'signature', detail, remedy },
  ]);
}
