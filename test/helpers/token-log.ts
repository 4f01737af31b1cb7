// Which structures the issuing token was asked to sign, as opensc's spy wrote them down. It dumps the token's input sixteen octets a
// line; of a DigestInfo with SHA-256 the second line holds nothing but the first thirteen octets of the digest.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Service } from './service.ts';

const OCTETS = 13;
const SECOND_LINE = /00000010 {2}00 04 20((?: [0-9A-F]{2}){13}) /g;

/** The beginning of every digest that was handed to C_Sign, in order. */
export function signedDigests({ spy }: Pick<Service, 'spy'>): string[] {
  const log = readFileSync(spy?.environment.PKCS11SPY_OUTPUT ?? '', 'latin1');
  return [...log.matchAll(SECOND_LINE)].map(([, octets = '']) => octets.replaceAll(' ', '').toLowerCase());
}

/** The same beginning of the digest of a to-be-signed structure. */
export const digestInLog = (tbs: Uint8Array): string =>
  createHash('sha256')
    .update(tbs)
    .digest('hex')
    .slice(0, 2 * OCTETS);

/** Whether the token was asked to sign this structure. */
export const wasSigned = (service: Pick<Service, 'spy'>, tbs: Uint8Array): boolean =>
  signedDigests(service).includes(digestInLog(tbs));
