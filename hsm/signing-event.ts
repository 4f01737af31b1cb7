// What the signer writes down of a signature that it is about to ask for: enough to revoke it, nothing of its holder. Its caller's
// database is the record; this one is for the day when that caller is not believed.
import { createHash } from 'node:crypto';
import { readHeader } from '../src/x509/der.ts';
import { readUnsigned } from '../src/x509/extension-values.ts';
import { OID } from '../src/x509/oids.ts';
import type { Received, Role } from './purpose.ts';

export type SigningEvent = {
  readonly caller: Role;
  readonly keyId: string;
  readonly kind: 'certificate' | 'crl';
  /** serial number in hexadecimal, or CRL number */
  readonly number: string;
  /** SHA-256 of the TBSCertificate, in hexadecimal; a list is streamed, and known by its number */
  readonly tbsDigest?: string;
};

/** The event of a structure that passed its check; undefined for an OCSP answer, of which there are thousands a second. */
export function signingEvent(caller: Role, keyId: string, received: Received): SigningEvent | undefined {
  switch (received.kind) {
    case 'certificate': {
      const tbsDigest = createHash('sha256').update(received.tbs).digest('hex');
      return { caller, keyId, kind: 'certificate', number: serialOf(received.tbs), tbsDigest };
    }
    case 'crl': {
      const number = received.outline.extensions.find(({ oid }) => oid === OID.cRLNumber)?.value;
      return { caller, keyId, kind: 'crl', number: number === undefined ? '' : String(readUnsigned(number)) };
    }
    case 'ocsp':
      return undefined;
  }
}

/** TBSCertificate ::= SEQUENCE { version [0], serialNumber INTEGER, … }, of bytes that were read in full before. */
function serialOf(tbs: Uint8Array): string {
  const whole = readHeader(tbs, 0, tbs.length);
  const version = readHeader(tbs, whole.first, whole.end);
  const serial = readHeader(tbs, version.end, whole.end);
  return Buffer.from(tbs.subarray(serial.first, serial.end)).toString('hex');
}
