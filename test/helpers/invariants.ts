// What must hold after whatever happened: read from the database, from the token's own log and from the public role. Everything that
// is wrong is listed at once.

import { expect } from 'vitest';
import { unsealedBacklog, verifyAudit } from '#db/audit-chain.ts';
import type { Database } from '#db/connect.ts';
import { outboxBacklog } from '#db/outbox.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { fromPem } from '../../src/x509/pem.ts';
import { eventually } from './faults.ts';
import { type Seen, wrongInPublic } from './published.ts';
import type { Service } from './service.ts';
import { digestInLog, signedDigests } from './token-log.ts';

/** What callers were told, and rely on from then on. */
export type Acknowledged = {
  /** certificates of 2xx answers, PEM */
  readonly issued?: readonly string[];
  /** ids of certificates whose revocation was acknowledged */
  readonly revoked?: readonly string[];
};

type Row = Seen & { readonly tbs: Buffer; readonly order: string };
type CrlRow = {
  readonly issuer: string;
  readonly number: string;
  readonly state: 'signing' | 'published' | 'burnt';
  readonly tbs: Buffer | null;
  readonly der: Buffer | null;
  readonly at: string;
};

const QUIET_MS = 60_000;
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const serialsOf = (der: Uint8Array): string[] => Array.from(parseCrl(der).entries, ({ serial }) => hex(serial));

/**
 * Waits until a running service (signers, worker, public) has settled everything, then throws with all that is broken. Every
 * certificate of `told` is in the database and verifies, every revocation is on the list; there is one certificate an order at most;
 * every signature of the token is over a recorded structure; each certificate row has one intent and one outcome in the audit, whose
 * chain holds; lists only grow and never go back; OCSP says what the rows say.
 */
export async function checkInvariants(service: Service, told: Acknowledged = {}): Promise<void> {
  const { db } = service.database;
  await untilQuiet(db);
  const rows = await certificateRows(db);
  const crls = await crlRows(db);
  expect([
    ...wrongRows(rows),
    ...wrongToCallers(rows, told),
    ...(service.spy === undefined ? [] : wrongSignatures(service, rows, crls)),
    ...wrongLists(rows, crls),
    ...(await wrongAudit(db, rows)),
    ...(await wrongInPublic(service, rows, lastLists(crls))),
  ]).toEqual([]);
}

async function untilQuiet(db: Database): Promise<void> {
  let left = 'nothing was looked at';
  const quiet = async (): Promise<boolean> => {
    left = (await unsettled(db)).join(', ');
    return left === '';
  };
  await eventually('everything is settled', quiet, { withinMs: QUIET_MS, everyMs: 100 }).catch((error: unknown) => {
    throw new Error(`not settled: ${left}`, { cause: error });
  });
}

/** Rows in `signing`, jobs not handed on, audit rows not sealed, revocations that no list names yet. */
async function unsettled(db: Database): Promise<string[]> {
  const { rows } = await db.read.execute<{ what: string }>(`
    select 'certificate ' || id as what from certificate where state = 'signing'
    union all select 'crl ' || issuer || '/' || number from crl where state = 'signing'`);
  const latest = await db.read.execute<{ issuer: string; der: Buffer }>(
    `select distinct on (issuer) issuer, der from crl where state = 'published' order by issuer, number desc`,
  );
  const listed = new Set(latest.rows.flatMap(({ issuer, der }) => serialsOf(der).map((one) => `${issuer} ${one}`)));
  const revoked = await db.read.execute<{ issuer: string; serial: Buffer }>('select issuer, serial from revocation');
  const unlisted = revoked.rows
    .map(({ issuer, serial }) => `${issuer} ${hex(serial)}`)
    .filter((serial) => !listed.has(serial));
  return [
    ...rows.map(({ what }) => what),
    ...unlisted.map((serial) => `the entry for ${serial}`),
    ...((await outboxBacklog(db.read)).rows > 0 ? ['the outbox'] : []),
    ...((await unsealedBacklog(db.read)).rows > 0 ? ['the audit'] : []),
  ];
}

async function certificateRows(db: Database): Promise<Row[]> {
  const { rows } = await db.read.execute<Row>(`
    select id, issuer, serial, state, tbs, der, actor || ' ' || encode(order_digest, 'hex') as "order",
      exists (select from revocation where certificate_id = id) as revoked
    from certificate order by id`);
  return rows;
}

async function crlRows(db: Database): Promise<CrlRow[]> {
  const { rows } = await db.read.execute<CrlRow>(
    'select issuer, number, state, tbs, der, this_update as at from crl order by issuer, number',
  );
  return rows;
}

/** The published list with the highest number of each CA. */
const lastLists = (crls: readonly CrlRow[]): ReadonlyMap<string, Buffer> =>
  new Map(crls.flatMap(({ issuer, der }) => (der === null ? [] : [[issuer, der] as const])));

function wrongRows(rows: readonly Row[]): string[] {
  const wrong: string[] = [];
  if (new Set(rows.map(({ issuer, serial }) => `${issuer} ${hex(serial)}`)).size !== rows.length)
    wrong.push('a serial was used twice');
  const issued = rows.filter(({ state }) => state === 'issued').map(({ order }) => order);
  if (new Set(issued).size !== issued.length) wrong.push('an order has two certificates');
  for (const { id, state, revoked, der, tbs } of rows) {
    if (state === 'burnt' && !revoked) wrong.push(`${id} is burnt and not revoked`);
    if (state === 'unsigned' && revoked) wrong.push(`${id} was never signed and is revoked`);
    if (der !== null && Buffer.compare(parseCertificate(der).tbs, tbs) !== 0)
      wrong.push(`${id} is signed over something else than was recorded`);
  }
  return wrong;
}

function wrongToCallers(rows: readonly Row[], { issued = [], revoked = [] }: Acknowledged): string[] {
  const known = new Set(rows.map(({ der }) => (der === null ? '' : hex(der))));
  const unknown = issued.filter((pem) => fromPem(pem, 'CERTIFICATE').some((der) => !known.has(hex(der))));
  const lost = revoked.filter((id) => rows.find((row) => row.id === id)?.revoked !== true);
  return [
    ...unknown.map((pem) => `handed out, and not in the database: ${pem}`),
    ...lost.map((id) => `the revocation of ${id} is lost`),
  ];
}

/** Every signature is over one recorded structure, and over each at most once. */
function wrongSignatures(service: Service, rows: readonly Row[], crls: readonly CrlRow[]): string[] {
  const recorded = new Set(rows.filter(({ state }) => state !== 'unsigned').map(({ tbs }) => digestInLog(tbs)));
  for (const { tbs, der } of crls) recorded.add(digestInLog(tbs ?? parseCrl(der ?? new Uint8Array()).tbs));
  const signed = signedDigests(service);
  const unknown = signed.filter((digest) => !recorded.has(digest));
  const unsigned = rows.filter(({ state, tbs }) => state === 'issued' && !signed.includes(digestInLog(tbs)));
  const calls = service.spy?.calls().filter((name) => name === 'C_Sign').length;
  return [
    ...unknown.map((digest) => `the token signed ${digest}…, of which there is no record`),
    ...unsigned.map(({ id }) => `${id} is issued, and the token never signed it`),
    ...(new Set(signed).size === signed.length ? [] : ['the token signed one structure twice']),
    ...(calls === signed.length ? [] : [`${calls} calls of C_Sign and ${signed.length} digests`]),
  ];
}

/** From one published list to the next nothing is lost and time does not go back; the last ones name what is revoked. */
function wrongLists(rows: readonly Row[], crls: readonly CrlRow[]): string[] {
  const wrong: string[] = [];
  const last = new Map<string, { at: Date; serials: readonly string[] }>();
  for (const { issuer, number, der, at } of crls) {
    if (der === null) continue;
    const list = { at: new Date(at), serials: serialsOf(der) };
    const before = last.get(issuer);
    if (parseCrl(der).number !== BigInt(number)) wrong.push(`the list ${issuer}/${number} has another number`);
    if (before !== undefined && list.at < before.at) wrong.push(`thisUpdate of ${issuer}/${number} goes back`);
    if (before?.serials.some((serial) => !list.serials.includes(serial)))
      wrong.push(`${issuer}/${number} lost entries`);
    last.set(issuer, list);
  }
  for (const { id, issuer, serial, revoked } of rows) {
    const listed = last.get(issuer)?.serials.includes(hex(serial)) === true;
    if (listed !== revoked) wrong.push(`${id}: revoked ${revoked}, listed ${listed}`);
  }
  return wrong;
}

const OUTCOMES = ['certificate_issued', 'certificate_burnt', 'certificate_unsigned'];

async function wrongAudit(db: Database, rows: readonly Row[]): Promise<string[]> {
  const { faults } = await verifyAudit(db.read);
  const wrong = faults.map(({ kind, position }) => `audit chain: ${kind} at ${position}`);
  const { rows: events } = await db.read.execute<{ kind: string; subject: string }>(
    `select kind, subject_id as subject from audit_event where kind like 'certificate_%'`,
  );
  for (const { id, state } of rows) {
    const kinds = events.filter(({ subject }) => subject === id).map(({ kind }) => kind);
    const intents = kinds.filter((kind) => kind === 'certificate_intent');
    const outcomes = kinds.filter((kind) => OUTCOMES.includes(kind));
    if (intents.length !== 1 || outcomes.join() !== `certificate_${state}`)
      wrong.push(`${id} is ${state}; its audit says: ${kinds.join(', ')}`);
  }
  return wrong;
}
