// PKCS #10 requests for the runs: P-256, each with a key of its own, made before the clock runs. They are kept, for a key may come
// again in another database; the private keys are thrown away, for nobody needs them.

import { generateKeyPairSync, sign } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bitString, element, integer, objectIdentifier, sequence, setOf, utf8String } from '../src/x509/der-writer.ts';
import { OID } from '../src/x509/oids.ts';

const ECDSA_WITH_SHA256 = sequence(objectIdentifier(OID['ecdsa-with-SHA256']));

/** A request for a service of this name, in DER (RFC 2986 §4 Certification Request Syntax), with a new key. */
export function newRequest(commonName: string): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String(commonName))));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = sequence(integer(0), subject, spki, element(0xa0));
  return sequence(info, ECDSA_WITH_SHA256, bitString(sign('sha256', info, privateKey)));
}

const CHUNK = 1_000;

/** The requests of `file` numbered `from` to `from + count`, base64, a line each; what is missing is made and added. */
export function takeRequests(file: string, from: number, count: number): string[] {
  mkdirSync(dirname(file), { recursive: true });
  const kept = existsSync(file) ? readFileSync(file, 'latin1').split('\n').filter(Boolean) : [];
  while (kept.length < from + count) {
    const made = Array.from({ length: CHUNK }, (_, index) =>
      Buffer.from(newRequest(`service ${kept.length + index}`)).toString('base64'),
    );
    appendFileSync(file, `${made.join('\n')}\n`);
    kept.push(...made);
  }
  return kept.slice(from, from + count);
}
