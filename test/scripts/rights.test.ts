import { userInfo } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { runMigrations } from 'graphile-worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstWords } from '../../scripts/commands/jobs.ts';
import { issued } from '../db/samples.ts';
import { prepareService, type Service } from '../helpers/service.ts';
import { type Ran, runHere } from './run-igc.ts';

const ANS = '318751275100020';
const HOSPITAL = '10B0057881';
const DURAND = ['--issuing-ca', 'ACI-FO-PP-TEST', '--card-profile', 'cps-auth', '--national-id', '899700075064'];

let service: Service;
const igc = (...args: string[]): Promise<Ran> => runHere(service.environment, ...args, '--json');
const errorOf = ({ stderr }: Ran) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}');
const query = async (text: string) => (await service.database.db.read.execute(sql.raw(text))).rows;
const audited = async (kind: string) =>
  query(`select actor, content from audit_event where kind = '${kind}' order by id`);

/** Everything that any command could write, to be the same after a rehearsal. */
const state = () =>
  query(`select (select count(*) from audit_event) as audit, (select count(*) from certificate) as certificates,
    (select count(*) from revocation) as revocations, (select count(*) from crl) as crls, (select count(*) from outbox) as outbox,
    (select count(*) from structure) as structures, (select count(*) from administrator_structure) as links,
    (select count(*) from administrator) as administrators, (select sum(attempts) from graphile_worker._private_jobs) as jobs`);

beforeAll(async () => {
  service = await prepareService();
  await runMigrations({ connectionString: service.database.url });
  for (const [id, name] of [
    [ANS, 'AGENCE DU NUMERIQUE EN SANTE'],
    [HOSPITAL, 'HOPITAL GENERIQUE TEST'],
  ] as const)
    await igc('structure', 'add', '--id', id, '--name', name, '--department', '75');
  await igc('administrator', 'add', ...DURAND, '--structure', ANS, '--structure', HOSPITAL);
}, 300_000);
afterAll(() => service.stop());

test('igc names every variable that a command lacks, at once', async () => {
  const { DATABASE_URL: _, SIGNER_SOCKETS: __, ROOT_PIN_FILE: ___, ...environment } = service.environment;
  const wanting = await runHere(environment, 'crl', 'publish', '--root', '--json');
  expect(wanting.code).toBe(78);
  expect(errorOf(wanting).findings.map(({ at }: { at: string }) => at)).toEqual([
    'DATABASE_URL',
    'SIGNER_SOCKETS',
    'ROOT_PIN_FILE',
  ]);
});

describe('--dry-run', () => {
  const failed = async () => {
    await query(`select graphile_worker.add_job('publish_crl', max_attempts => 1)`);
    await query('update graphile_worker._private_jobs set attempts = 1');
  };

  test('says what would come, and changes nothing', async () => {
    const { id } = await issued(service.database.db.read);
    await failed();
    const before = await state();
    const cases: readonly (readonly [args: readonly string[], shown: object])[] = [
      [['structure', 'add', '--id', '10B0039129', '--name', 'X', '--department', '75'], { structIdNat: '10B0039129' }],
      [['administrator', 'add', ...DURAND.with(5, '899700000005')], { nationalId: '899700000005', structures: [] }],
      [['administrator', 'unlink', ...DURAND, '--structure', ANS], { ended: [ANS], structures: [HOSPITAL] }],
      [['administrator', 'remove', ...DURAND], { removed: true }],
      [['certificate', 'revoke', id, '--reason', 'keyCompromise'], { id, state: 'revoked', reason: 'keyCompromise' }],
      [['crl', 'publish', 'ACI-EL-ORG-TEST'], { issuer: 'ACI-EL-ORG-TEST', number: 1, state: 'planned', entries: 0 }],
      [['crl', 'publish', '--root', 'ACR-EL-TEST'], { issuer: 'ACR-EL-TEST', number: 1, state: 'planned', entries: 0 }],
      [['jobs', 'retry', '--all-failed'], { state: 'failed', retried: true }],
    ];
    for (const [args, shown] of cases) {
      const ran = await igc(...args, '--dry-run');
      expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('dry run') });
      expect(ran.json()).toMatchObject([args[0] === 'crl' ? shown : { ...shown, dryRun: true }]);
    }
    expect(await state()).toEqual(before);
  });

  test('shows the plan of a certificate, and makes no key file', async () => {
    const file = join(service.directory, 'new.key');
    const order = ['certificate', 'issue', 'serv-ssl', '--structure', ANS, '--new-key', file, '--key-type', 'p-256'];
    const before = await state();
    const planned = await igc(...order, '--dns', 'api.demo.igc-sante.fr', '--dry-run');
    expect(planned.json()).toMatchObject([
      {
        profile: 'serv-ssl',
        issuer: 'ACI-EL-ORG-TEST',
        subject: expect.stringContaining('CN=api.demo.igc-sante.fr'),
        names: { dnsNames: ['api.demo.igc-sante.fr'] },
        key: 'P-256',
        holder: ANS,
      },
    ]);
    const refused = await igc(...order, '--dns', 'intranet', '--dry-run');
    expect([refused.code, errorOf(refused).code]).toEqual([3, 'name_not_allowed']);
    expect(await state()).toEqual(before);
    // No signer runs: a real order would be an outage, and would have made the file first.
    expect((await igc(...order.with(6, join(service.directory, 'missing', 'k')), '--dry-run')).code).toBe(2);
  });

  test('refuses what would be refused, with the same code', async () => {
    const known = await igc('structure', 'add', '--id', ANS, '--name', 'OTHER', '--department', '75', '--dry-run');
    expect([known.code, errorOf(known).code]).toEqual([3, 'already_exists']);
    const unknown = await igc('certificate', 'revoke', '00ff', '--reason', 'superseded', '--dry-run');
    expect(unknown.code).toBe(4);
  });
});

describe('the end of rights', () => {
  test('a structure is unlinked once, with one audit row; the others stay', async () => {
    const unlink = () => igc('administrator', 'unlink', ...DURAND, '--structure', HOSPITAL);
    expect((await unlink()).json()).toMatchObject([{ ended: [HOSPITAL], structures: [ANS] }]);
    expect(await unlink()).toMatchObject({ code: 0, stderr: expect.stringContaining('any more') });
    expect(await audited('administrator_unlinked')).toMatchObject([
      { actor: `operator:${userInfo().username}`, content: { nationalId: '899700075064', structures: [HOSPITAL] } },
    ]);
    expect((await igc('administrator', 'unlink', ...DURAND, '--structure', '1')).code).toBe(4);
  });

  test('igc structure show tells who acts for a structure, and what it has', async () => {
    const shown = async (id: string) => (await igc('structure', 'show', id)).json()[0];
    expect(await shown(ANS)).toMatchObject({
      departmentName: 'Paris (75)',
      administrators: ['899700075064 (cps-auth of ACI-FO-PP-TEST)'],
      certificates: { valid: 0, revoked: 0, expired: 0, notIssued: 0 },
    });
    expect(await shown(HOSPITAL)).toMatchObject({ administrators: [], certificates: { valid: 1, revoked: 0 } });
    expect((await igc('structure', 'show', '10B0039129')).code).toBe(4);
  });

  test('an administrator is removed by id once, with one audit row; an id that never was is not found', async () => {
    const [{ id = '' } = {}] = (await igc('administrator', 'list')).json();
    const remove = () => igc('administrator', 'remove', String(id));
    expect((await remove()).json()).toMatchObject([{ id, removed: true, nationalId: '899700075064' }]);
    expect((await igc('administrator', 'list')).json()).toEqual([]);
    expect((await remove()).json()).toEqual([{ id, removed: false }]);
    expect((await igc('administrator', 'remove', ...DURAND)).json()).toEqual([{ id: null, removed: false }]);
    expect(await audited('administrator_removed')).toMatchObject([{ content: { structures: [ANS] } }]);
    expect((await igc('administrator', 'remove', '0199aa00-0000-7000-8000-000000000000')).code).toBe(4);
    expect((await igc('administrator', 'unlink', ...DURAND, '--structure', ANS)).code).toBe(4);
  });
});

describe('igc jobs', () => {
  test('a failed job is listed without what its error quotes, and is tried again with an audit row', async () => {
    await query(
      `update graphile_worker._private_jobs set last_error = 'Error: no holder "Jeanne DURAND" of 899700075064'`,
    );
    const [job] = (await igc('jobs', 'list', '--failed')).json();
    expect(job).toMatchObject({
      state: 'failed',
      task: 'publish_crl',
      attempts: '1/1',
      error: 'Error: no holder … of …',
    });
    expect((await igc('jobs', 'retry', String(job?.id))).json()).toMatchObject([{ id: job?.id, retried: true }]);
    expect((await igc('jobs', 'list')).json()).toMatchObject([{ id: job?.id, state: 'due', attempts: '0/1' }]);
    expect(await audited('job_retried')).toMatchObject([{ content: { task: 'publish_crl' } }]);
    expect((await igc('jobs', 'retry', '999999')).code).toBe(4);
    expect((await igc('jobs', 'retry', '--all-failed')).json()).toEqual([]);
  });

  test.each([
    ['duplicate key value\nDETAIL: Key (holder)=(DURAND) exists', 'duplicate key value'],
    ['ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED …'],
    ["can't find 'Anne", 'can …'],
    ['DURAND is not known', '… is not known'],
    ['ESTEVE is not known', '… is not known'],
    [
      'one two three four five six seven eight nine ten eleven twelve thirteen',
      'one two three four five six seven eight nine ten eleven twelve …',
    ],
  ])('of the error %j only words that cannot be a value are told', (text, told) => {
    expect(firstWords(text)).toBe(told);
  });
});
