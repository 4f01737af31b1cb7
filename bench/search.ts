// What a page of the certificate list costs at a million certificates: every combination of filters, for one who sees everything, for
// an administrator of the largest structure and for one of two hundred. Rows are made by SQL in a PostgreSQL of its own that flushes.

import { availableParallelism } from 'node:os';
import { sql } from 'drizzle-orm';
import { type CertificateFilter, listCertificates, searchCertificates } from '#db/certificate-list.ts';
import { type Database, openDatabase } from '#db/connect.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { startCluster } from '../scripts/cluster.ts';
import { median, say, table } from './figures.ts';
import { BIG, certificateCount, fillCertificates, STRUCTURES } from './search-rows.ts';

/** A page of the API, and the row that tells whether there is a next one. */
const LIMIT = 101;
const RUNS = 5;
const BAR_MS = 200;

type Named = { readonly name: string; readonly filter: CertificateFilter };

/** Values that make a page look for long: the oldest dates of a list that begins with the newest. */
const PARTS: Readonly<Record<string, readonly CertificateFilter[]>> = {
  structure: [{ structure: BIG }],
  holder: [{ holder: BIG }],
  profile: [{ profile: 'ps-auth' }],
  state: [{ state: 'issued' }, { state: 'revoked' }, { state: 'expired' }],
  notBefore: [{ notBefore: { from: new Date('2022-12-01'), to: new Date('2022-12-08') } }],
  notAfter: [{ notAfter: { from: new Date('2025-12-01'), to: new Date('2025-12-08') } }],
  created: [{ created: { from: new Date('2022-12-01'), to: new Date('2022-12-08') } }],
};

/** Of these an index finds a handful of rows, whatever else is asked. */
const ALONE: readonly Named[] = [
  { name: 'serial', filter: { serial: Buffer.from(`42${'0'.repeat(30)}`, 'hex') } },
  { name: 'key', filter: { key: Buffer.alloc(32) } },
];

const SCOPES: Readonly<Record<string, CertificateFilter>> = {
  operator: {},
  structure: { among: [BIG], issuedOnly: true },
  structures: { among: STRUCTURES.slice(0, 200), issuedOnly: true },
};

type Measured = { readonly name: string; readonly ms: number };

/** Prints `search.page.ms`, the slowest median of all, and the medians of each filter by itself. */
export async function run([count]: readonly string[]): Promise<void> {
  const cluster = await startCluster({ durable: true });
  try {
    await migrateDatabase(cluster.url);
    const database = openDatabase(cluster.url, { applicationName: 'igc bench', statementTimeoutMs: 1_800_000 });
    try {
      await refuseUnsafe(database);
      await fillCertificates(database.read, certificateCount(count));
      await measureAll(database);
    } finally {
      await database.close();
    }
  } finally {
    await cluster.stop();
  }
}

async function refuseUnsafe({ read }: Database): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await read.execute<Record<string, string>>(sql.raw(`show ${setting}`));
    const value = rows[0]?.[setting];
    if (value !== 'on') throw new Error(`${setting} is ${value}: figures of a database that may lose rows say nothing`);
    process.stderr.write(`${setting} on\n`);
  }
}

async function measureAll({ read }: Database): Promise<void> {
  const pages: Measured[] = [];
  for (const [scope, seen] of Object.entries(SCOPES)) {
    for (const { name, filter } of combinations()) {
      pages.push(await timed(`${scope}.${name}`, () => pageOf(read, { ...filter, ...seen })));
      pages.push(await timed(`${scope}.${name}.next`, () => pageOf(read, { ...filter, ...seen }, HALF_WAY)));
    }
  }
  const searches: Measured[] = [];
  for (const [name, text] of Object.entries({ subject: '00', serial: `42${'0'.repeat(30)}`, holder: BIG }))
    searches.push(await timed(`text.${name}`, async () => void (await searchCertificates(read, text, LIMIT))));
  tell(pages, searches);
}

/** An id in the middle of the list, where a caller is who reads on. */
const HALF_WAY = '0193ffff-ffff-7fff-bfff-ffffffffffff';

const pageOf = async (read: Database['read'], filter: CertificateFilter, after?: string): Promise<void> =>
  void (await listCertificates(read, filter, { limit: LIMIT, now: new Date(), after }));

/** Every choice of filters, each left out or with one of its values. */
function combinations(): Named[] {
  let all: Named[] = [{ name: '', filter: {} }];
  for (const [part, values] of Object.entries(PARTS)) {
    const more = values.flatMap((value) =>
      all.map(({ name, filter }) => {
        const own = 'state' in value ? `${part}=${value.state}` : part;
        return { name: name === '' ? own : `${name}+${own}`, filter: { ...filter, ...value } };
      }),
    );
    all = [...all, ...more];
  }
  return [...all.map(({ name, filter }) => ({ name: name === '' ? 'all' : name, filter })), ...ALONE];
}

async function timed(name: string, act: () => Promise<void>): Promise<Measured> {
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const since = performance.now();
    await act();
    runs.push(performance.now() - since);
  }
  return { name, ms: median(runs) };
}

function tell(pages: readonly Measured[], searches: readonly Measured[]): void {
  const slowest = pages.toSorted((left, right) => right.ms - left.ms);
  say({ name: 'search.page.ms', value: slowest[0]?.ms ?? 0, unit: 'ms' });
  const single = [...pages.filter(({ name }) => !name.includes('+')), ...searches];
  for (const { name, ms } of single) say({ name: `search.${name}.ms`, value: ms, unit: 'ms' });
  process.stderr.write(
    `${pages.length} pages, ${RUNS} runs of each, on ${availableParallelism()} processors; the slowest:\n`,
  );
  table([['page', 'median ms'], ...slowest.slice(0, 15).map(({ name, ms }) => [name, ms.toFixed(1)])]);
  const verdict = (slowest[0]?.ms ?? 0) < BAR_MS ? 'under' : 'OVER';
  process.stderr.write(`the slowest is ${verdict} the bar of ${BAR_MS} ms\n`);
}
