import { userInfo } from 'node:os';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listAlarms, recordAlarm } from '#db/alarms.ts';
import { prepareService, type Service } from '../helpers/service.ts';
import { runHere } from './run-igc.ts';

let service: Service;
let id: string;
const igc = (...args: string[]) => runHere(service.environment, 'alarms', ...args);
const OPERATOR = `operator:${userInfo().username}`;

beforeAll(async () => {
  service = await prepareService();
  const { read } = service.database.db;
  await recordAlarm(read, { kind: 'list_stale', subject: 'ACI-EL-ORG-TEST', detail: 'too old', at: new Date() });
  id = String((await listAlarms(read))[0]?.id);
});
afterAll(() => service?.stop());

test('what is open is listed', async () => {
  expect((await igc('list', '--json')).json()).toMatchObject([
    { id, state: 'open', kind: 'list_stale', about: 'ACI-EL-ORG-TEST', times: 1, detail: 'too old' },
  ]);
});

test('an alarm that a person knows stays open under their name, and a rehearsal changes nothing', async () => {
  expect((await igc('acknowledge', id, '--dry-run', '--json')).json()).toMatchObject([{ dryRun: true }]);
  expect((await igc('list', '--json')).json()).toMatchObject([{ state: 'open' }]);
  expect(await igc('acknowledge', id)).toMatchObject({ code: 0 });
  expect(await igc('acknowledge', id)).toMatchObject({ code: 0 });
  expect((await igc('list', '--json')).json()).toMatchObject([{ state: 'acknowledged', acknowledgedBy: OPERATOR }]);
});

test('an alarm that was ended by hand is listed with --all alone, and one that never was is not found', async () => {
  expect(await igc('clear', id)).toMatchObject({ code: 0 });
  expect((await igc('list', '--json')).stdout).toBe('');
  expect((await igc('list', '--all', '--json')).json()).toMatchObject([{ id, state: 'ended' }]);
  expect((await igc('clear', '999')).code).toBe(4);
  expect((await igc('clear', 'x')).code).toBe(2);
});

test('both acts are in the audit, once each, under the name of who did them', async () => {
  const { rows } = await service.database.db.read.execute(
    sql`select kind, actor, subject_id from audit_event where kind like 'alarm_%' order by id`,
  );
  expect(rows).toEqual([
    { kind: 'alarm_acknowledged', actor: OPERATOR, subject_id: `alarm/${id}` },
    { kind: 'alarm_cleared', actor: OPERATOR, subject_id: `alarm/${id}` },
  ]);
});
