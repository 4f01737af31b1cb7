// Keys as the token holds them: found by CKA_ID, their public halves read as SubjectPublicKeyInfo. Searching is linear in some
// tokens, so that handles are kept once found.
import pkcs11 from 'pkcs11js';
import { Outage } from '../src/errors.ts';
import { readDer, readObjectIdentifier, TAG } from '../src/x509/der.ts';
import { buildEcSpki, buildRsaSpki, type Curve } from '../src/x509/keys.ts';
import { OID } from '../src/x509/oids.ts';
import type { Cryptoki, Handle } from './pkcs11.ts';

export type TokenKey = {
  /** CKA_ID: 20 octets, SHA-1 of the subjectPublicKey bits */
  readonly keyId: Uint8Array;
  /** DER of the SubjectPublicKeyInfo */
  readonly spki: Uint8Array;
};

export type FoundKey = TokenKey & { readonly privateKey: Handle; readonly publicKey: Handle };

/** Searching and reading, in one session that is used for nothing else. */
export type Searcher = { readonly api: Cryptoki; readonly session: Handle };

const MOST_OBJECTS = 1_000;

/** The cause of an Outage that concerns one key and leaves the token as good as it was. */
export const KEY_MISSING = 'KEY_MISSING';

/** The handles of every object that has these attributes. Throws what the module throws. */
export function findObjects({ api, session }: Searcher, template: pkcs11.Template): Handle[] {
  api.C_FindObjectsInit(session, template);
  try {
    return api.C_FindObjects(session, MOST_OBJECTS);
  } finally {
    api.C_FindObjectsFinal(session);
  }
}

/**
 * The key pair with this CKA_ID, or undefined when the token has no such private key. Throws Outage when there is more than
 * one, or when the public half is missing: without it nothing could be compared.
 */
export function findKey(searcher: Searcher, keyId: Uint8Array): FoundKey | undefined {
  const privateKey = findOne(searcher, pkcs11.CKO_PRIVATE_KEY, keyId);
  if (privateKey === undefined) return undefined;
  const publicKey = findOne(searcher, pkcs11.CKO_PUBLIC_KEY, keyId);
  if (publicKey === undefined) {
    throw new Outage('hsm', `the token has no public half of key ${hex(keyId)}`, { cause: KEY_MISSING });
  }
  return { keyId, privateKey, publicKey, spki: readPublicKey(searcher, publicKey) };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function findOne(searcher: Searcher, objectClass: number, keyId: Uint8Array): Handle | undefined {
  const found = findObjects(searcher, [
    { type: pkcs11.CKA_CLASS, value: objectClass },
    { type: pkcs11.CKA_ID, value: Buffer.from(keyId) },
  ]);
  if (found.length > 1) {
    throw new Outage('hsm', `the token has ${found.length} keys with the id ${hex(keyId)}`, { cause: KEY_MISSING });
  }
  return found[0];
}

/** The CKA_ID of every private key with this label and an id of 20 octets, as ours have, those of half-made pairs included. */
export function listKeyIds(searcher: Searcher, label: string): Uint8Array[] {
  const handles = findObjects(searcher, [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    { type: pkcs11.CKA_LABEL, value: label },
  ]);
  const ids = handles.map((handle) => new Uint8Array(readAttribute(searcher, handle, pkcs11.CKA_ID)));
  return ids.filter((id) => id.length === 20);
}

/** Destroys whatever has this CKA_ID, a pair or what is left of one; tells whether there was anything. */
export function destroyKey(searcher: Searcher, keyId: Uint8Array): boolean {
  const id = { type: pkcs11.CKA_ID, value: Buffer.from(keyId) };
  // The private half first: if we stop between the two, what is left signs nothing.
  const halves = [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY].flatMap((objectClass) =>
    findObjects(searcher, [{ type: pkcs11.CKA_CLASS, value: objectClass }, id]),
  );
  for (const half of halves) searcher.api.C_DestroyObject(searcher.session, half);
  return halves.length > 0;
}

export function readAttribute({ api, session }: Searcher, object: Handle, type: number): Buffer {
  const [attribute] = api.C_GetAttributeValue(session, object, [{ type }]);
  if (!Buffer.isBuffer(attribute?.value)) throw new Outage('hsm', `the token does not tell attribute ${type}`);
  return attribute.value;
}

/** The SubjectPublicKeyInfo of a public key object, RSA or EC. Throws Outage for any other. */
export function readPublicKey(searcher: Searcher, publicKey: Handle): Uint8Array {
  const keyType = readAttribute(searcher, publicKey, pkcs11.CKA_KEY_TYPE).readUInt32LE();
  const read = (type: number): Buffer => readAttribute(searcher, publicKey, type);
  if (keyType === pkcs11.CKK_RSA) return buildRsaSpki(read(pkcs11.CKA_MODULUS), read(pkcs11.CKA_PUBLIC_EXPONENT));
  if (keyType === pkcs11.CKK_EC) {
    return buildEcSpki(curveOf(read(pkcs11.CKA_EC_PARAMS)), pointOf(read(pkcs11.CKA_EC_POINT)));
  }
  throw new Outage('hsm', `the token has a key of the unknown type ${keyType}`, { cause: KEY_MISSING });
}

function curveOf(parameters: Uint8Array): Curve {
  const oid = readObjectIdentifier(readDer(parameters));
  if (oid === OID.secp256r1) return 'P-256';
  if (oid === OID.secp384r1) return 'P-384';
  throw new Outage('hsm', `the token has a key on the unknown curve ${oid}`, { cause: KEY_MISSING });
}

/** CKA_EC_POINT is an OCTET STRING around the point; some tokens give the point bare. */
function pointOf(value: Uint8Array): Uint8Array {
  return value[0] === TAG.OCTET_STRING && value[1] === value.length - 2 ? readDer(value).content : value;
}
