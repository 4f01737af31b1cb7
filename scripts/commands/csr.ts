// A key pair and its PKCS#10 request for `--new-key`: the request carries the key and nothing else, because names come from the
// command line and everything more would be ignored.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { explicit, integer, sequence } from '../../src/x509/der-writer.ts';

export const NEW_KEYS = ['rsa-2048', 'p-256'] as const;
export type NewKey = (typeof NEW_KEYS)[number];

/** A new key pair: the private half as PKCS#8 PEM, and a CSR with an empty subject, in DER. */
export function makeRequest(kind: NewKey): { privateKey: string; csr: Uint8Array } {
  const pair =
    kind === 'rsa-2048'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), csr: buildCsr(pair) };
}

/**
 * RFC 2986 §4 Certification Request Syntax:
 *   CertificationRequestInfo ::= SEQUENCE { version INTEGER { v1(0) }, subject Name, subjectPKInfo, attributes [0] }
 */
function buildCsr({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), sequence(), spki, explicit(0));
  return assembleSigned(
    info,
    signatureAlgorithmIdentifier(signatureAlgorithmFor(spki)),
    sign('sha256', info, privateKey),
  );
}
