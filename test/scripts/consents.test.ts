import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareService, type Service } from '../helpers/service.ts';
import { runHere } from './run-igc.ts';

const MAILBOX = 'secretariat@hopital-generique.fr';

let service: Service;
const igc = (...args: string[]) => runHere(service.environment, 'consent', ...args);
const give = (mailbox: string, ...args: string[]) =>
  igc('give', mailbox, '--evidence', 'formulaire 2026-0117', '--json', ...args);

beforeAll(async () => {
  service = await prepareService();
});
afterAll(() => service?.stop());

test('a consent is given, withdrawn and given again, and all of it is kept', async () => {
  expect((await give(MAILBOX, '--dry-run')).json()).toMatchObject([{ dryRun: true, given: true }]);
  expect(await igc('show', MAILBOX)).toMatchObject({ code: 4 });
  expect((await give('secretariat@Hopital-Generique.FR')).json()).toMatchObject([
    { given: true, certificates: 0, shown: 0 },
  ]);
  const again = await give(MAILBOX);
  expect([again.code, again.stderr.includes('already_exists')]).toEqual([3, true]);
  expect((await igc('list', '--json')).json()).toMatchObject([
    { mailbox: MAILBOX, evidence: 'formulaire 2026-0117', withdrawnAt: null },
  ]);
  expect((await igc('withdraw', MAILBOX, '--json')).json()).toMatchObject([{ withdrawn: true }]);
  expect(await igc('withdraw', MAILBOX)).toMatchObject({ code: 4, stdout: '' });
  expect((await igc('list', '--json')).json()).toEqual([]);
  expect(await give(MAILBOX)).toMatchObject({ code: 0 });
  expect((await igc('list', '--all', '--json')).json()).toHaveLength(2);
  expect((await igc('show', MAILBOX, '--json')).json()).toMatchObject([
    { withdrawnBy: expect.stringMatching(/^operator:/) },
    { withdrawnAt: null },
  ]);
});

test.each([
  ['two mailboxes', 'a@example.fr,b@example.fr'],
  ['no domain', 'a'],
  ['a name before it', 'Anne <a@example.fr>'],
])('%s are no mailbox to consent for', async (_, mailbox) => {
  expect(await give(mailbox)).toMatchObject({ code: 3 });
});

test.each(['', 'told by anne@example.fr', 'x'.repeat(121), 'two\nlines'])('%j is no reference', async (evidence) => {
  const { code, stderr } = await igc('give', 'b@example.fr', '--evidence', evidence);
  expect(code).toBe(3);
  expect(stderr).toContain('--evidence');
});

test('the audit has each act by the id of the consent, and the mailbox where it can be erased alone', async () => {
  const { rows } = await service.database.db.read.execute<{ kind: string; subject: string; content: object }>(
    sql`select kind, subject_id as subject, actor, content from audit_event where kind like 'mailbox_%' order by id`,
  );
  expect(rows.map(({ kind }) => kind)).toEqual([
    ...['mailbox_consent_given', 'mailbox_consent_withdrawn', 'mailbox_consent_given'],
  ]);
  expect(rows[0]?.content).toEqual({ mailbox: MAILBOX, evidence: 'formulaire 2026-0117' });
  expect(JSON.stringify(rows.map(({ content: _, ...kept }) => kept))).not.toContain('@');
  expect(rows[0]?.subject).toBe(rows[1]?.subject);
});

test('a mailbox to which nobody consents is not withdrawn, and one in other letters is told of, without its name', async () => {
  await give('Martin.Zoe@example.fr');
  for (const args of [[], ['--dry-run']]) {
    const { code, stdout, stderr } = await igc('withdraw', 'martin.zoe@example.fr', ...args);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toContain('upper and lower case');
    expect(stderr).not.toMatch(/zoe/i);
  }
  const nobody = await igc('withdraw', 'martin.zo@example.fr');
  expect([nobody.code, nobody.stderr.includes('upper and lower case')]).toEqual([4, false]);
  expect(await igc('withdraw', 'Martin.Zoe@example.fr')).toMatchObject({ code: 0 });
});
