import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { freshDatabase } from '../helpers/database.ts';
import { emptyHierarchy } from '../helpers/hierarchy.ts';
import { copyPolicies, type PoliciesCopy } from '../policy/policies-copy.ts';
import { judge } from '../x509/judges.ts';
import { runIgc, startIgc } from './run-igc.ts';

/** The journal's records, without a last one that a kill cut short. */
function readRecords(path: string): Record<string, string>[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

let policies: PoliciesCopy;
beforeAll(() => {
  policies = smallPolicies();
});
afterAll(() => policies.remove());

/** One root, one intermediate, and keys that take no time. */
function smallPolicies(): PoliciesCopy {
  const copy = copyPolicies();
  const file = parse(readFileSync(join(copy.directory, 'hierarchy/test.yaml'), 'utf8'));
  const keep = ({ id }: { id: string }) => id === 'ACR-EL-TEST' || id === 'ACI-EL-ORG-TEST';
  copy.set('hierarchy/test.yaml', '/roots', file.roots.filter(keep));
  copy.set('hierarchy/test.yaml', '/intermediates', file.intermediates.filter(keep));
  copy.set('hierarchy/test.yaml', '/key/bits', 2048);
  const profiles = join(copy.directory, 'profiles');
  const stay: readonly unknown[] = ['ACI-EL-ORG', 'each-intermediate'];
  for (const name of readdirSync(profiles)) {
    if (!stay.includes(parse(readFileSync(join(profiles, name), 'utf8')).issuer)) rmSync(join(profiles, name));
  }
  return copy;
}

test('without PIN files it says which is missing, and makes nothing', async () => {
  const empty = emptyHierarchy();
  const refused = await runIgc({ ...empty.environment, POLICIES_DIRECTORY: policies.directory }, 'hierarchy', 'create');
  expect(refused.code).toBe(78);
  expect(refused.stderr).toContain(empty.pinFiles.root);
  expect(readdirSync(empty.tokens)).toEqual([]);
  expect(existsSync(empty.pinFiles.root)).toBe(false);
  empty.remove();
});

test('killed again and again, a step further each time, it ends with one certificate for each authority', async () => {
  const empty = emptyHierarchy();
  const db = await freshDatabase();
  const query = async (text: string) => (await db.db.read.execute<Record<string, unknown>>(sql.raw(text))).rows;
  const environment = {
    ...empty.environment,
    POLICIES_DIRECTORY: policies.directory,
    DATABASE_URL: db.url,
    SIGNING_DEADLINE_MS: '100',
  };
  const args = ['hierarchy', 'create', '--generate-pins', '--json'];
  const journal = join(empty.directory, 'ceremony.ndjson');
  const killedAt = new Set<string>();
  for (;;) {
    const before = readRecords(journal).length;
    const run = startIgc(environment, args);
    // SIGKILL as soon as a step shows in the journal at which no earlier run was killed.
    const watch = setInterval(() => {
      const step = readRecords(journal)
        .slice(before)
        .map(({ kind, what = '', about = '', token = '' }) => `${kind} ${what} ${about} ${token}`)
        .find((name) => !killedAt.has(name));
      if (step === undefined) return;
      killedAt.add(step);
      run.kill();
    }, 1);
    const { code, stderr } = await run.ended;
    clearInterval(watch);
    if (code === 0) break;
    // null: killed. 69: the lease of a killed publisher has not run out yet.
    expect([null, 69], stderr).toContain(code);
  }
  expect(killedAt.size).toBeGreaterThan(6);
  const final = await runIgc(environment, ...args);
  expect(final.code).toBe(0);

  const records = readRecords(journal);
  const made = records.filter(({ kind, what }) => kind === 'signature.made' && what === 'certificate');
  expect(made.map(({ about }) => about)).toEqual(['ACR-EL-TEST', 'ACI-EL-ORG-TEST']);
  for (const { about, der } of made)
    expect(readFileSync(join(empty.directory, `${about}.cer`)).toString('base64')).toBe(der);
  const intended = new Set(records.filter(({ kind }) => kind === 'signature.intent').map(({ tbsSha256 }) => tbsSha256));
  for (const { tbsSha256 } of made) expect(intended).toContain(tbsSha256);

  // What may exist although nobody has it is revoked: the root's CRL names its serial.
  const abandoned = records.filter(({ kind, about }) => kind === 'signature.abandoned' && about === 'ACI-EL-ORG-TEST');
  const crl = { 'root.crl': readFileSync(join(empty.directory, 'ACR-EL-TEST.crl')) };
  const text = judge('openssl', crl, ...'crl -inform DER -in root.crl -noout -text'.split(' '));
  expect([...text.matchAll(/Serial Number/g)]).toHaveLength(abandoned.length);
  expect(await query(`select count(*)::int as burnt from certificate where state = 'burnt'`)).toEqual([
    { burnt: abandoned.length },
  ]);
  expect(await query(`select id from certification_authority order by id`)).toEqual([
    { id: 'ACI-EL-ORG-TEST' },
    { id: 'ACR-EL-TEST' },
  ]);
  expect(await query(`select count(*)::int as created from audit_event where kind = 'hierarchy_created'`)).toEqual([
    { created: 1 },
  ]);
  await db.drop();
  empty.remove();
}, 120_000);
