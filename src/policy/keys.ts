// The key policy: which public keys may be certified at all. Strict about form, then about strength, then about what the
// profile wants; the work is bounded and counted, because the key is the one part of a request that its sender chooses freely.
import { Refusal } from '../errors.ts';
import { DerError, readObjectIdentifier, TAG } from '../x509/der.ts';
import {
  type Curve,
  type KeyAlgorithm,
  parseRsaPublicKey,
  parseSpki,
  type SubjectPublicKeyInfo,
} from '../x509/keys.ts';
import { OID } from '../x509/oids.ts';
import { checkPoint } from './ec.ts';
import { invalid, type KeyCode, type KeyFault, type KeyWork, notAllowed } from './key-fault.ts';
import { checkRsaNumbers, MODULUS_LIMIT } from './rsa.ts';

/** What a profile allows. A type that is absent is not allowed; sizes are those of the modulus, in bits. */
export type KeyPolicy = {
  readonly rsa?: { readonly sizes: readonly number[] };
  readonly ec?: { readonly curves: readonly Curve[] };
};

/** Worst first: a refusal has the first of these codes that any of its findings has. */
const CODES: readonly KeyCode[] = ['key_invalid', 'key_weak', 'key_not_allowed'];
const DETAILS: Record<KeyCode, string> = {
  key_invalid: 'the public key cannot be used',
  key_weak: 'the public key is weak',
  key_not_allowed: 'the profile does not allow this public key',
};

/**
 * What kind of key this SubjectPublicKeyInfo (DER) holds, if it may be certified. Throws Refusal with every finding:
 * `key_invalid` (not DER, point off the curve, at infinity or compressed, parameters not named, a curve that the profile has
 * not), `key_weak` (RSA size, exponent, small factors, ROCA, close primes), `key_not_allowed` (another type, an RSA size that
 * the profile has not). RFC 3279 §2.3.1 RSA Keys, RFC 5480 §2.1.1 Unrestricted Algorithm Identifier and Parameters.
 * Adds what it computed to `work`.
 */
export function checkKey(spki: Uint8Array, allowed: KeyPolicy, work: KeyWork = { steps: 0 }): KeyAlgorithm {
  const { algorithm, faults } = examine(spki, allowed, work);
  const code = CODES.find((candidate) => faults.some((fault) => fault.code === candidate));
  if (code !== undefined) {
    throw new Refusal(
      code,
      DETAILS[code],
      faults.map((fault) => fault.finding),
    );
  }
  if (algorithm === undefined) throw new TypeError('a key without a kind and without a fault');
  return algorithm;
}

type Examined = { readonly algorithm?: KeyAlgorithm; readonly faults: readonly KeyFault[] };

function examine(spki: Uint8Array, allowed: KeyPolicy, work: KeyWork): Examined {
  try {
    const info = parseSpki(spki);
    if (info.algorithm === OID.rsaEncryption) return examineRsa(info, allowed, work);
    if (info.algorithm === OID.ecPublicKey) return examineEc(info, allowed, work);
    return { faults: [notAllowed(`keys of algorithm ${info.algorithm} are not certified`, wanted(allowed))] };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return { faults: [invalid('RFC 5280 §4.1.2.7 Subject Public Key Info', `${error.message} @ ${error.offset}`)] };
  }
}

function examineRsa(info: SubjectPublicKeyInfo, allowed: KeyPolicy, work: KeyWork): Examined {
  const faults: KeyFault[] = [];
  if (info.parameters?.tag !== TAG.NULL) {
    faults.push(invalid('RFC 3279 §2.3.1 RSA Keys', 'the parameters of rsaEncryption are NULL'));
  }
  const { modulus, exponent } = parseRsaPublicKey(info.publicKey);
  const bits = modulus.toString(2).length;
  // beyond the limit nothing is computed: the size alone refuses the key, whatever the profile says
  if (bits > MODULUS_LIMIT) faults.push(notAllowed(`an RSA key of more than ${MODULUS_LIMIT} bits`, wanted(allowed)));
  else {
    if (allowed.rsa?.sizes.includes(bits) !== true)
      faults.push(notAllowed(`an RSA key of ${bits} bits`, wanted(allowed)));
    faults.push(...checkRsaNumbers({ modulus, exponent, bits }, work));
  }
  return { algorithm: { type: 'rsa', bits }, faults };
}

const NAMED: ReadonlyMap<string, Curve> = new Map([
  [OID.secp256r1, 'P-256'],
  [OID.secp384r1, 'P-384'],
]);

function examineEc(info: SubjectPublicKeyInfo, allowed: KeyPolicy, work: KeyWork): Examined {
  const rule = 'RFC 5480 §2.1.1 Unrestricted Algorithm Identifier and Parameters';
  if (info.parameters?.tag !== TAG.OBJECT_IDENTIFIER) {
    return { faults: [invalid(rule, 'the curve is named, neither described nor implied', wanted(allowed))] };
  }
  const named = readObjectIdentifier(info.parameters);
  const curve = NAMED.get(named);
  const faults: KeyFault[] = [];
  if (curve === undefined || allowed.ec?.curves.includes(curve) !== true) {
    faults.push(invalid(rule, `the profile does not have the curve ${curve ?? named}`, wanted(allowed)));
  }
  if (curve === undefined) return { faults };
  return { algorithm: { type: 'ec', curve }, faults: [...faults, ...checkPoint(curve, info.publicKey, work)] };
}

/** What the profile would accept, as a remedy. */
function wanted({ rsa, ec }: KeyPolicy): string {
  const kinds = [
    ...(rsa === undefined ? [] : [`RSA of ${rsa.sizes.join(' or ')} bits`]),
    ...(ec === undefined ? [] : [`EC on ${ec.curves.join(' or ')}`]),
  ];
  return `use a new key pair: ${kinds.join(', ')}`;
}
