// What a token is handed and what it gives back, for each signature algorithm. The token gets digests, never whole structures:
// RSA as DigestInfo under CKM_RSA_PKCS, ECDSA raw; both exist on every token, and no size of input can upset them.
import pkcs11 from 'pkcs11js';
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../src/x509/algorithms.ts';
import { integer, NULL, objectIdentifier, octetString, sequence } from '../src/x509/der-writer.ts';
import { OID } from '../src/x509/oids.ts';

/** No key of ours makes a longer signature than RSA-4096. */
export const LONGEST_SIGNATURE = 512;

export const mechanismFor = (algorithm: SignatureAlgorithm): pkcs11.Mechanism => ({
  mechanism: SIGNATURE_ALGORITHMS[algorithm].key === 'rsa' ? pkcs11.CKM_RSA_PKCS : pkcs11.CKM_ECDSA,
});

/** The octets that the token signs: the digest, for RSA in its DigestInfo (RFC 8017 §9.2 EMSA-PKCS1-v1_5). */
export function tokenInput(algorithm: SignatureAlgorithm, digest: Uint8Array): Buffer {
  const { key, hash } = SIGNATURE_ALGORITHMS[algorithm];
  if (key === 'ec') return Buffer.from(digest);
  return Buffer.from(sequence(sequence(objectIdentifier(OID[hash]), NULL), octetString(digest)));
}

/**
 * The signature as certificates carry it. A token gives ECDSA as r ‖ s of equal length; X.509 wants Ecdsa-Sig-Value
 * (RFC 3279 §2.2.3 ECDSA Signature Algorithm), where a leading zero octet goes and one comes before a high bit.
 */
export function signatureFromToken(algorithm: SignatureAlgorithm, raw: Uint8Array): Uint8Array {
  if (SIGNATURE_ALGORITHMS[algorithm].key === 'rsa') return new Uint8Array(raw);
  const half = raw.length / 2;
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}
