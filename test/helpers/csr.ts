// Requests made to measure, valid and hostile: every part can be replaced by bytes that no honest tool would write, and the
// signature is right over whatever is there unless it is replaced too.
import { generateKeyPairSync, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import { checkKey, type KeyPolicy } from '../../src/policy/keys.ts';
import { type CertificationRequest, checkProofOfPossession, parseCsr } from '../../src/x509/csr.ts';
import {
  bitString,
  boolean,
  element,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';

type KeyPair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

const made = new Map<string, KeyPair>();

/** A key pair of its kind, made once a test file. */
export function keyPair(kind: 'rsa' | 'P-256' | 'P-384'): KeyPair {
  const pair =
    made.get(kind) ??
    (kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: kind }));
  made.set(kind, pair);
  return pair;
}

export const spkiOf = ({ publicKey }: KeyPair): Uint8Array => publicKey.export({ type: 'spki', format: 'der' });

/** AlgorithmIdentifiers by their usual names, as they should be written. */
export const ALGORITHMS = {
  rsa: sequence(objectIdentifier(OID.sha256WithRSAEncryption), NULL),
  ec: sequence(objectIdentifier(OID['ecdsa-with-SHA256'])),
};

export type CsrParts = {
  /** whose key is in the request and signs it; RSA-2048 if left out */
  readonly key?: KeyPair;
  readonly version?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  /** Attribute elements, put in DER order */
  readonly attributes?: readonly Uint8Array[];
  /** the whole `[0]` element instead of `attributes` */
  readonly rawAttributes?: Uint8Array;
  /** more elements at the end of certificationRequestInfo */
  readonly surplus?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly hash?: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** padding and salt of RSASSA-PSS */
  readonly padding?: Omit<SignKeyObjectInput, 'key'>;
  /** octets instead of the right signature, made from the signed bytes if a function */
  readonly signature?: Uint8Array | ((info: Uint8Array) => Uint8Array);
};

/** The DER of a CertificationRequest (RFC 2986 §4.2). */
export function buildCsr(parts: CsrParts = {}): Uint8Array {
  const { key = keyPair('rsa'), hash = 'sha256' } = parts;
  const info = buildInfo(parts, key);
  const { signature = sign(hash, info, { key: key.privateKey, ...parts.padding }) } = parts;
  const octets = typeof signature === 'function' ? signature(info) : signature;
  const algorithm = parts.algorithm ?? (key.privateKey.asymmetricKeyType === 'ec' ? ALGORITHMS.ec : ALGORITHMS.rsa);
  return sequence(info, algorithm, bitString(octets));
}

function buildInfo(parts: CsrParts, key: KeyPair): Uint8Array {
  const attributes = setOf(...(parts.attributes ?? [])).slice();
  // IMPLICIT: the tag of the SET OF becomes [0]
  attributes[0] = 0xa0;
  return sequence(
    parts.version ?? integer(0),
    parts.subject ?? subject(attribute(OID.commonName, utf8String('www.hopital.example.fr'))),
    parts.spki ?? spkiOf(key),
    parts.rawAttributes ?? attributes,
    parts.surplus ?? new Uint8Array(0),
  );
}

/** AttributeTypeAndValue of a name. */
export const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(objectIdentifier(type), value);

/** A Name of single-valued RDNs. */
export const subject = (...attributes: readonly Uint8Array[]): Uint8Array =>
  sequence(...attributes.map((one) => setOf(one)));

/** One attribute of a request with its values. */
export const csrAttribute = (type: string, ...values: readonly Uint8Array[]): Uint8Array =>
  sequence(objectIdentifier(type), setOf(...values));

/** The extensionRequest attribute with these Extension elements. */
export const extensionRequest = (...extensions: readonly Uint8Array[]): Uint8Array =>
  csrAttribute(OID.extensionRequest, sequence(...extensions));

export const extension = (oid: string, value: Uint8Array, critical = false): Uint8Array =>
  sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));

/** A subjectAltName extension; names as [tag, octets]. */
export const alternativeNames = (...names: readonly (readonly [number, string | Uint8Array])[]): Uint8Array =>
  extension(
    OID.subjectAltName,
    sequence(
      ...names.map(([tag, name]) => element(tag, typeof name === 'string' ? Buffer.from(name, 'latin1') : name)),
    ),
  );

export const dns = (...names: readonly string[]): Uint8Array =>
  alternativeNames(...names.map((name) => [0x82, name] as const));

/** A private key as another tool reads it. */
export const pemOf = ({ privateKey }: KeyPair): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** What the profiles of the tests allow. */
const EVERY_KEY: KeyPolicy = { rsa: { sizes: [2048, 3072, 4096] }, ec: { curves: ['P-256', 'P-384'] } };

/** The whole gate in its order: shape, key policy, proof of possession. */
export function admit(der: Uint8Array): CertificationRequest {
  const csr = parseCsr(der);
  checkKey(csr.spki, EVERY_KEY);
  checkProofOfPossession(csr);
  return csr;
}
