// The certificate that `igc ocsp status` asks about: named by its serial or by its file, with what the database records of it.

import { existsSync, readFileSync } from 'node:fs';
import { findBySerial } from '#db/certificates.ts';
import type { Authority } from '../../src/authority.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { DerError } from '../../src/x509/der.ts';
import { fromPem } from '../../src/x509/pem.ts';
import { unusableFile } from './options.ts';

export type Subject = {
  readonly issuer: Authority;
  readonly serial: Uint8Array;
  /** undefined when no certificate was issued under this serial */
  readonly recorded: { readonly reason?: string } | undefined;
};

/** Throws Refusal `not_found` for an authority, or a serial without `--issuer`, that is not known; CommanderError for an unusable file. */
export async function subjectOf(system: OpenSystem, name: string, issuerId: string | undefined): Promise<Subject> {
  const hex = name.replaceAll(':', '');
  if (!existsSync(name) && /^([0-9a-f]{2}){1,20}$/i.test(hex))
    return subjectOfSerial(system, Buffer.from(hex, 'hex'), issuerId);
  const certificate = readCertificate(name);
  const issuer = [...system.authorities.values()].find(
    (authority) => Buffer.compare(authority.certificate.subject, certificate.issuer) === 0,
  );
  if (issuer === undefined) throw new Refusal('not_found', `${name} is not of this hierarchy`);
  return { issuer, serial: certificate.serial, recorded: await recordOf(system, issuer.id, certificate.serial) };
}

async function subjectOfSerial(system: OpenSystem, serial: Uint8Array, issuerId: string | undefined): Promise<Subject> {
  const named = issuerId === undefined ? undefined : system.authorities.get(issuerId);
  if (issuerId !== undefined && named === undefined)
    throw new Refusal('not_found', `there is no authority ${issuerId}`);
  for (const issuer of named === undefined ? system.authorities.values() : [named]) {
    const recorded = await recordOf(system, issuer.id, serial);
    if (recorded !== undefined || named !== undefined) return { issuer, serial, recorded };
  }
  throw new Refusal('not_found', 'there is no certificate with this serial: say --issuer to ask all the same');
}

async function recordOf(system: OpenSystem, issuer: string, serial: Uint8Array): Promise<Subject['recorded']> {
  const row = await findBySerial(system.db.read, issuer, serial);
  if (row === undefined) return undefined;
  if (row.revocation !== undefined) return { reason: row.revocation.reason };
  return row.state === 'issued' ? {} : undefined;
}

function readCertificate(path: string): Certificate {
  try {
    const bytes = readFileSync(path);
    const [der = bytes] = bytes[0] === 0x30 ? [bytes] : fromPem(bytes.toString('utf8'), 'CERTIFICATE');
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof DerError || (error instanceof Error && 'code' in error))
      throw unusableFile('<serial|file>', path, error);
    throw error;
  }
}
