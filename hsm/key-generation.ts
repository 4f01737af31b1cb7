// New key pairs. The private half never leaves its token, in no form, and can only sign.
import { randomBytes } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { Outage } from '../src/errors.ts';
import { objectIdentifier } from '../src/x509/der-writer.ts';
import { type KeyAlgorithm, keyIdentifier } from '../src/x509/keys.ts';
import { OID } from '../src/x509/oids.ts';
import { readAttribute, readPublicKey, type TokenKey } from './key-objects.ts';
import { type Cryptoki, type Handle, returnValueOf } from './pkcs11.ts';
import { closeSession, openSession } from './session-pool.ts';

const EXPONENT_65537 = Buffer.from([1, 0, 1]);
const CURVES = { 'P-256': OID.secp256r1, 'P-384': OID.secp384r1 } as const;
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);

/** Whether a token is asked for keys of this kind at all. */
export const isGenerated = (algorithm: KeyAlgorithm): boolean =>
  algorithm.type === 'ec' ? Object.hasOwn(CURVES, algorithm.curve) : RSA_BITS.has(algorithm.bits);

/**
 * Makes a key pair in a session of its own, which takes seconds for RSA-4096, and names it: CKA_ID is the key identifier of the
 * public key, CKA_LABEL the given label. Throws Outage; what was half made is destroyed where that is still possible.
 */
export async function generateKeyPair(
  api: Cryptoki,
  slot: Handle,
  request: { algorithm: KeyAlgorithm; label: string },
): Promise<TokenKey> {
  const session = openSession(api, slot, true);
  try {
    const templates = templatesFor(request);
    const pair = await api.C_GenerateKeyPairAsync(
      session,
      mechanismFor(request.algorithm),
      templates.public,
      templates.private,
    );
    try {
      return nameKeyPair(api, session, pair);
    } catch (error) {
      for (const half of [pair.privateKey, pair.publicKey]) api.C_DestroyObject(session, half);
      throw error;
    }
  } catch (cause) {
    throw new Outage('hsm', `the token made no key: ${returnValueOf(cause)}`, { cause });
  } finally {
    closeSession(api, session);
  }
}

const mechanismFor = ({ type }: KeyAlgorithm): pkcs11.Mechanism => ({
  mechanism: type === 'rsa' ? pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN : pkcs11.CKM_EC_KEY_PAIR_GEN,
});

function templatesFor({
  algorithm,
  label,
}: {
  algorithm: KeyAlgorithm;
  label: string;
}): Record<'public' | 'private', pkcs11.Template> {
  const shape: pkcs11.Template =
    algorithm.type === 'rsa'
      ? [
          { type: pkcs11.CKA_MODULUS_BITS, value: algorithm.bits },
          { type: pkcs11.CKA_PUBLIC_EXPONENT, value: EXPONENT_65537 },
        ]
      : [{ type: pkcs11.CKA_EC_PARAMS, value: Buffer.from(objectIdentifier(CURVES[algorithm.curve])) }];
  const both: pkcs11.Template = [
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_LABEL, value: label },
    // until the pair has its own: if we stop before, it is found under this one, and destroyed like all that nobody certified
    { type: pkcs11.CKA_ID, value: randomBytes(20) },
  ];
  return {
    public: [
      ...both,
      ...shape,
      { type: pkcs11.CKA_PRIVATE, value: false },
      { type: pkcs11.CKA_VERIFY, value: true },
      { type: pkcs11.CKA_ENCRYPT, value: false },
      { type: pkcs11.CKA_WRAP, value: false },
    ],
    private: [
      ...both,
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: true },
      { type: pkcs11.CKA_EXTRACTABLE, value: false },
      { type: pkcs11.CKA_SIGN, value: true },
      { type: pkcs11.CKA_SIGN_RECOVER, value: false },
      { type: pkcs11.CKA_DECRYPT, value: false },
      { type: pkcs11.CKA_UNWRAP, value: false },
      { type: pkcs11.CKA_DERIVE, value: false },
    ],
  };
}

function nameKeyPair(api: Cryptoki, session: Handle, pair: pkcs11.KeyPair): TokenKey {
  const searcher = { api, session };
  for (const [attribute, wanted] of [
    [pkcs11.CKA_SENSITIVE, 1],
    [pkcs11.CKA_EXTRACTABLE, 0],
    [pkcs11.CKA_ALWAYS_SENSITIVE, 1],
    [pkcs11.CKA_NEVER_EXTRACTABLE, 1],
    [pkcs11.CKA_LOCAL, 1],
    [pkcs11.CKA_DECRYPT, 0],
    [pkcs11.CKA_UNWRAP, 0],
    [pkcs11.CKA_DERIVE, 0],
  ] as const) {
    if (readAttribute(searcher, pair.privateKey, attribute)[0] !== wanted) {
      throw new Outage('hsm', 'the token makes keys that could leave it, or do more than sign');
    }
  }
  const spki = readPublicKey(searcher, pair.publicKey);
  const keyId = keyIdentifier(spki);
  for (const half of [pair.privateKey, pair.publicKey]) {
    api.C_SetAttributeValue(session, half, [{ type: pkcs11.CKA_ID, value: Buffer.from(keyId) }]);
  }
  return { keyId, spki };
}
