// A certificate as people name it on the command line.

import { type CertificateRecord, findBySerial, findCertificate } from '#db/certificates.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { isUuid } from './options.ts';

/** The certificate with this row id or serial. Throws Refusal `not_found`; serials are unique for each issuer. */
export async function findNamed(system: OpenSystem, name: string): Promise<CertificateRecord> {
  if (isUuid(name)) {
    const row = await findCertificate(system.db.read, name.toLowerCase());
    if (row !== undefined) return row;
  }
  const hex = name.replaceAll(':', '');
  if (/^([0-9a-f]{2}){1,20}$/i.test(hex)) {
    const serial = Buffer.from(hex, 'hex');
    const rows = await Promise.all(
      [...system.authorities.keys()].map((issuer) => findBySerial(system.db.read, issuer, serial)),
    );
    const row = rows.find((found) => found !== undefined);
    if (row !== undefined) return row;
  }
  throw new Refusal('not_found', `there is no certificate ${name}`);
}
