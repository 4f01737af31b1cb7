// A key pair and its PKCS#10 request for `--new-key`: the request carries the key and nothing else, because names come from the
// command line and everything more would be ignored.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { explicit, integer, sequence } from '../../src/x509/der-writer.ts';

export const NEW_KEYS = ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const;
export type NewKey = (typeof NEW_KEYS)[number];

/** A new key pair: the private half as PKCS#8 PEM, and a CSR with an empty subject, in DER. */
export function makeRequest(kind: NewKey): { privateKey: string; csr: Uint8Array } {
  const pair = newPair(kind);
  return { privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), csr: buildCsr(pair) };
}

function newPair(kind: NewKey) {
  switch (kind) {
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: 3072 });
    case 'p-256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'p-384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
  }
}

/**
 * RFC 2986 §4 Certification Request Syntax:
 *   CertificationRequestInfo ::= SEQUENCE { version INTEGER { v1(0) }, subject Name, subjectPKInfo, attributes [0] }
 */
function buildCsr({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), sequence(), spki, explicit(0));
  const algorithm = signatureAlgorithmFor(spki);
  return assembleSigned(
    info,
    signatureAlgorithmIdentifier(algorithm),
    sign(algorithm === 'ecdsa-with-SHA384' ? 'sha384' : 'sha256', info, privateKey),
  );
}
