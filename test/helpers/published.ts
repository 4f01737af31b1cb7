// What relying parties get, judged by openssl: every certificate that was issued, every list, and the OCSP status of every serial.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toPem } from '../../src/x509/pem.ts';
import { eventually, getPublic } from './faults.ts';
import { ask } from './judges.ts';
import type { Service } from './service.ts';

/** A row as far as the public can see it. */
export type Seen = {
  readonly id: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
  readonly state: 'signing' | 'issued' | 'unsigned' | 'burnt';
  readonly der: Uint8Array | null;
  readonly revoked: boolean;
};

type Place = { readonly service: Service; readonly folder: string };

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const ROOTS = ['ACR-FO-TEST', 'ACR-ST-TEST', 'ACR-EL-TEST'];

/** Everything in which the public role differs from the rows and the last published `lists`, by issuer, or openssl disagrees. */
export async function wrongInPublic(
  service: Service,
  rows: readonly Seen[],
  lists: ReadonlyMap<string, Uint8Array>,
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'igc-judge-'));
  const place = { service, folder };
  try {
    const issuers = [...new Set(rows.map(({ issuer }) => issuer))].sort();
    for (const id of issuers) writeFileSync(join(folder, `${id}.pem`), authorityPem(service, id));
    writeFileSync(join(folder, 'above.pem'), issuers.map((id) => authorityPem(service, id)).join(''));
    writeFileSync(join(folder, 'roots.pem'), ROOTS.map((id) => authorityPem(service, id)).join(''));
    const wrong = await wrongCertificates(place, rows);
    for (const issuer of issuers) {
      const own = rows.filter((row) => row.issuer === issuer);
      const list = await servedList(service, issuer, lists.get(issuer));
      wrong.push(...(list === undefined ? [`the last list of ${issuer} is not served`] : []));
      if (list !== undefined) wrong.push(...(await wrongList(place, { issuer, list }, own)));
      wrong.push(...(await wrongStatuses(place, issuer, own)));
    }
    return wrong;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const authorityPem = ({ hierarchy }: Service, id: string): string =>
  toPem('CERTIFICATE', readFileSync(join(hierarchy.directory, `${id}.cer`)));

async function wrongCertificates({ folder }: Place, rows: readonly Seen[]): Promise<string[]> {
  const files = rows.flatMap(({ id, der }) => {
    if (der === null) return [];
    writeFileSync(join(folder, `${id}.pem`), toPem('CERTIFICATE', der));
    return [`${id}.pem`];
  });
  const trust = ['-x509_strict', '-CAfile', 'roots.pem', '-untrusted', 'above.pem'];
  const { status, said } = await ask('openssl', folder, ['verify', ...trust, ...files]);
  return status === 0 ? [] : [`openssl verify: ${said}`];
}

/** A public copy asks for a newer list once a second: the last one, as soon as it is served. */
const servedList = (service: Service, issuer: string, last: Uint8Array | undefined): Promise<Buffer | undefined> =>
  eventually('the last list is served', async () => {
    const body = (await getPublic(service, `/CRL/${issuer}.crl`))?.body;
    return body !== undefined && last !== undefined && Buffer.compare(body, last) === 0 ? body : undefined;
  }).catch(() => undefined);

type ServedList = { readonly issuer: string; readonly list: Buffer };

async function wrongList({ folder }: Place, { issuer, list }: ServedList, rows: readonly Seen[]): Promise<string[]> {
  writeFileSync(join(folder, `${issuer}.crl`), list);
  const args = ['crl', '-inform', 'DER', '-in', `${issuer}.crl`, '-CAfile', `${issuer}.pem`, '-noout', '-text'];
  const { said } = await ask('openssl', folder, args);
  const wrong = said.includes('verify OK') ? [] : [`openssl crl of ${issuer}: ${said.slice(0, 200)}`];
  const entries = said.slice(said.indexOf('Revoked Certificates'));
  const listed = [...entries.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => serial.toLowerCase());
  const revoked = rows.filter((row) => row.revoked).map(({ serial }) => hex(serial));
  if (listed.sort().join() !== revoked.sort().join())
    wrong.push(`the list of ${issuer} names ${listed}, and ${revoked} are revoked`);
  return wrong;
}

/** CertIDs in one request: the service takes ten. */
const CHUNK = 10;

async function wrongStatuses({ service, folder }: Place, issuer: string, rows: readonly Seen[]): Promise<string[]> {
  const wrong: string[] = [];
  for (let from = 0; from < rows.length; from += CHUNK) {
    const part = rows.slice(from, from + CHUNK);
    const asked = part.flatMap(({ serial }) => ['-serial', `0x${hex(serial)}`]);
    const trust = ['-CAfile', 'roots.pem', '-verify_other', `${issuer}.pem`];
    const url = `http://127.0.0.1:${service.publicPort}/`;
    const { said } = await ask('openssl', folder, [
      'ocsp',
      '-issuer',
      `${issuer}.pem`,
      ...asked,
      '-url',
      url,
      ...trust,
    ]);
    if (!said.includes('Response verify OK')) wrong.push(`openssl ocsp of ${issuer}: ${said.slice(0, 300)}`);
    for (const row of part) {
      const status = new RegExp(`^0x${hex(row.serial)}: (\\w+)`, 'mi').exec(said)?.[1];
      if (status !== statusOf(row)) wrong.push(`OCSP says ${status} of ${row.id}, which is ${statusOf(row)}`);
    }
  }
  return wrong;
}

/** RFC 6960 §2.2 Response: good, revoked, unknown. */
const statusOf = ({ state, revoked }: Seen): string => (revoked ? 'revoked' : state === 'issued' ? 'good' : 'unknown');
