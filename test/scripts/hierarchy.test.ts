import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { copyHierarchy, emptyHierarchy, type HierarchyCopy } from '../helpers/hierarchy.ts';
import { copyPolicies } from '../policy/policies-copy.ts';
import { judge } from '../x509/judges.ts';
import { type Ran, runIgc } from './run-igc.ts';

const ROOTS = ['ACR-FO-TEST', 'ACR-ST-TEST', 'ACR-EL-TEST'];
const DAY = 86_400_000;

const databases: FreshDatabase[] = [];
const database = async (): Promise<FreshDatabase> => {
  const fresh = await freshDatabase();
  databases.push(fresh);
  return fresh;
};

async function query(db: FreshDatabase, text: string): Promise<Record<string, unknown>[]> {
  const { rows } = await db.db.read.execute<Record<string, unknown>>(sql.raw(text));
  return rows;
}

/** What igc tells as JSON on the last line of stderr; progress is above it. */
const errorOf = ({ stderr }: Ran): unknown => JSON.parse(stderr.trim().split('\n').at(-1) ?? '');

const filesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
  );

afterAll(async () => {
  for (const { drop } of databases) await drop();
});

describe('igc hierarchy create with a database', () => {
  let copy: HierarchyCopy;
  let first: FreshDatabase;
  const environment = (db: FreshDatabase, more: Record<string, string> = {}) => ({
    ...copy.environment,
    DATABASE_URL: db.url,
    SIGNER_SOCKETS: join(copy.root, 's'),
    ...more,
  });

  const pemOf = (id: string): string => new X509Certificate(readFileSync(join(copy.directory, `${id}.cer`))).toString();

  beforeAll(async () => {
    copy = await copyHierarchy();
    first = await database();
    expect(await runIgc(environment(first), 'hierarchy', 'create')).toMatchObject({ code: 0 });
  }, 300_000);
  afterAll(() => copy.remove());

  test('the hierarchy, its nine authorities and one audited act of the operator are in the database', async () => {
    expect(await query(first, 'select name, urls from hierarchy')).toEqual([
      {
        name: 'TEST',
        urls: {
          public: 'http://igc.demo.igc-sante.fr',
          ocsp: 'http://ocsp.demo.igc-sante.fr',
          ldap: 'ldap://annuaire.demo.igc-sante.fr',
          cps: 'http://igc.demo.igc-sante.fr/PC%20TEST',
        },
      },
    ]);
    const rows = await query(
      first,
      `select id, encode(certificate, 'base64') as certificate from certification_authority`,
    );
    expect(rows).toHaveLength(9);
    for (const { id, certificate } of rows) {
      const file = readFileSync(join(copy.directory, `${id}.cer`));
      expect(Buffer.from(String(certificate), 'base64').equals(file)).toBe(true);
    }
    expect(await query(first, `select actor, subject_id from audit_event where kind = 'hierarchy_created'`)).toEqual([
      { actor: `operator:${userInfo().username}`, subject_id: 'TEST' },
    ]);
  });

  test.each(ROOTS)('the first CRL of %s is number 1, empty, good for 45 days, and openssl believes it', (id) => {
    const files = { 'ca.pem': pemOf(id), 'ca.crl': readFileSync(join(copy.directory, `${id}.crl`)) };
    const verified = judge('openssl', files, ...'crl -inform DER -in ca.crl -CAfile ca.pem -noout -text'.split(' '));
    expect(verified).toContain('verify OK');
    expect(verified).toContain('No Revoked Certificates.');
    expect(verified).toMatch(/X509v3 CRL Number: \n +1\n/);
    const [last = '', next = ''] = [...verified.matchAll(/(?:Last|Next) Update: (.*)/g)].map(([, time]) => time);
    expect(Date.parse(next) - Date.parse(last)).toBe(45 * DAY);
  });

  test('with the root’s CRL, openssl finds an intermediate good', () => {
    const crl = judge(
      'openssl',
      { 'x.crl': readFileSync(join(copy.directory, 'ACR-EL-TEST.crl')) },
      ...'crl -inform DER -in x.crl'.split(' '),
    );
    const files = { 'root.pem': pemOf('ACR-EL-TEST'), 'ca.pem': pemOf('ACI-EL-ORG-TEST'), 'root.crl': crl };
    const args = 'verify -x509_strict -crl_check -CAfile root.pem -CRLfile root.crl ca.pem'.split(' ');
    expect(judge('openssl', files, ...args)).toBe('ca.pem: OK\n');
  });

  test('a second run changes no file and no row, and ends with 0', async () => {
    const count = () =>
      query(first, 'select (select count(*) from audit_event) as audit, (select count(*) from crl) as crls');
    const before = [filesOf(copy.directory), await count()];
    const { code, json } = await runIgc(environment(first), 'hierarchy', 'create', '--json');
    expect(code).toBe(0);
    expect(json().map(({ id }) => id)).toHaveLength(9);
    expect([filesOf(copy.directory), await count()]).toEqual(before);
  });

  test('a new database learns the same authorities, and its root CRLs have higher numbers than the old one’s', async () => {
    const { environment: tools, root } = copy;
    const before = filesOf(copy.directory);
    const second = await database();
    expect(await runIgc(environment(second), 'hierarchy', 'create')).toMatchObject({ code: 0 });
    expect(
      await query(second, `select id, encode(certificate, 'base64') from certification_authority order by id`),
    ).toEqual(await query(first, `select id, encode(certificate, 'base64') from certification_authority order by id`));
    expect(await query(second, 'select issuer, number, state from crl order by issuer, number')).toEqual(
      ['ACR-EL-TEST', 'ACR-FO-TEST', 'ACR-ST-TEST'].flatMap((issuer) => [
        { issuer, number: '1', state: 'published' },
        { issuer, number: '2', state: 'published' },
      ]),
    );
    expect(filesOf(copy.directory)['ACR-EL-TEST.cer']).toBe(before['ACR-EL-TEST.cer']);
    expect(tools.HIERARCHY_DIRECTORY).toBe(join(root, 'hierarchy'));
  });

  test('a lost CRL file does not give a number away twice: the journal has every one that was signed', async () => {
    rmSync(join(copy.directory, 'ACR-EL-TEST.crl'));
    const third = await database();
    expect(await runIgc(environment(third), 'hierarchy', 'create')).toMatchObject({ code: 0 });
    expect(await query(third, `select number, state from crl where issuer = 'ACR-EL-TEST' order by number`)).toEqual([
      { number: '1', state: 'burnt' },
      { number: '2', state: 'burnt' },
      { number: '3', state: 'published' },
    ]);
  });

  test('a CRL file of another root is refused', async () => {
    const fourth = await database();
    const file = join(copy.directory, 'ACR-FO-TEST.crl');
    const kept = readFileSync(file);
    writeFileSync(file, readFileSync(join(copy.directory, 'ACR-ST-TEST.crl')));
    const refused = await runIgc(environment(fourth), 'hierarchy', 'create', '--json');
    writeFileSync(file, kept);
    expect(refused.code).toBe(78);
    expect(errorOf(refused)).toMatchObject({ code: 'hierarchy_differs' });
  });

  test('igc crl publish --root renews the list of a root by hand, and keeps it as a file', async () => {
    const before = readFileSync(join(copy.directory, 'ACR-FO-TEST.crl'));
    const fifth = await database();
    await runIgc(environment(fifth), 'hierarchy', 'create');
    const [created] = await query(fifth, `select max(number)::int as number from crl where issuer = 'ACR-FO-TEST'`);
    const { code, json } = await runIgc(environment(fifth), 'crl', 'publish', '--root', 'ACR-FO-TEST', '--json');
    expect(code).toBe(0);
    const number = Number(created?.number) + 1;
    expect(json()).toMatchObject([{ issuer: 'ACR-FO-TEST', number, entries: 0 }]);
    const [row] = await query(
      fifth,
      `select encode(der, 'base64') as der from crl where issuer = 'ACR-FO-TEST' and number = ${number}`,
    );
    const file = readFileSync(join(copy.directory, 'ACR-FO-TEST.crl'));
    expect(file.equals(before)).toBe(false);
    expect(Buffer.from(String(row?.der), 'base64').equals(file)).toBe(true);
    expect(
      await query(
        fifth,
        `select actor, subject_id from audit_event where kind = 'crl_requested' order by id desc limit 1`,
      ),
    ).toEqual([{ actor: `operator:${userInfo().username}`, subject_id: 'ACR-FO-TEST' }]);
    const wrong = await runIgc(environment(fifth), 'crl', 'publish', '--root', 'ACI-FO-PP-TEST');
    expect(wrong.code).toBe(4);
  });

  test('other URLs than those of creation are refused, and nothing changes', async () => {
    const policies = copyPolicies();
    policies.set('hierarchy/test.yaml', '/urls/public', 'http://elsewhere.igc-sante.fr');
    const before = filesOf(copy.directory);
    const { DATABASE_URL: _, ...withoutDatabase } = environment(first, { POLICIES_DIRECTORY: policies.directory });
    const refused = await runIgc(withoutDatabase, 'hierarchy', 'create', '--json');
    policies.remove();
    expect(refused.code).toBe(78);
    expect(errorOf(refused)).toMatchObject({ code: 'hierarchy_differs' });
    expect(filesOf(copy.directory)).toEqual(before);
  });

  test('a database of this hierarchy is refused to an empty directory before any key is made', async () => {
    const empty = emptyHierarchy();
    const refused = await runIgc(
      { ...environment(first), ...empty.environment },
      'hierarchy',
      'create',
      '--generate-pins',
      '--json',
    );
    expect(refused.code).toBe(78);
    expect(errorOf(refused)).toMatchObject({ code: 'hierarchy_differs' });
    expect(readdirSync(empty.tokens)).toEqual([]);
    empty.remove();
  });

  test('a wrong root PIN is refused, and nothing is signed', async () => {
    const sixth = await database();
    const before = filesOf(copy.directory);
    const pinFile = copy.pinFiles.issuing;
    const { code } = await runIgc(environment(sixth, { ROOT_PIN_FILE: pinFile }), 'hierarchy', 'create');
    expect(code).toBe(78);
    // The kept list is known to the new database as published; nothing was signed above it.
    const states = await query(sixth, `select state from crl where issuer = 'ACR-FO-TEST' order by number desc`);
    expect(states.map(({ state }) => state).filter((state) => state !== 'burnt')).toEqual(['published']);
    // That it was refused is remembered, so that repeating the command spends no second try.
    const { 'pin-igc-sante-root.json': remembered, ...files } = filesOf(copy.directory);
    expect(remembered).toBeDefined();
    expect(files).toEqual(before);
  });
});
