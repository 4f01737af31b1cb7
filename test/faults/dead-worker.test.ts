// SIGKILL of a worker with jobs in its hands: another one does them within a minute, and somebody is told. Jobs that were given up are
// told too, whoever gave them up.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { connectTo, eventually, ISSUER, TO_START } from '../helpers/faults.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';

/** What the worker promises, and what a busy machine adds to it. */
const A_MINUTE = { withinMs: 60_000, everyMs: 200 };

let service: Service;
let watch: Client;
let doomed: RunningRole;
let other: RunningRole;
let names: readonly [string, string];

const heartbeats = async (): Promise<string[]> =>
  (await watch.query('select worker from worker_heartbeat order by started_at')).rows.map(({ worker }) => worker);
const lockedBy = async (worker: string): Promise<number> =>
  (await watch.query('select from graphile_worker.jobs where locked_by = $1', [worker])).rows.length;
const jobs = async (): Promise<number> => (await watch.query('select from graphile_worker.jobs')).rows.length;
const openAlarms = async (): Promise<string[]> =>
  (await listAlarms(service.database.db.read)).map(({ kind, subject }) => `${kind} ${subject}`);
const addJob = (key: string, { authority = ISSUER, attempts = 25 } = {}): Promise<unknown> =>
  watch.query(
    `select graphile_worker.add_job('publish_crl', json_build_object('authority', $2::text), job_key => $1, max_attempts => $3)`,
    [key, authority, attempts],
  );

/** What the webhook was told, as `kind event`. */
const told: string[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part: string) => {
    body += part;
  });
  request.on('end', () => {
    const { kind, event } = JSON.parse(body);
    told.push(`${kind} ${event}`);
    response.end();
  });
});

/** A receiver of alarms, and addresses of the public role, which does not run. */
async function channels(directory: string, publicPort: number): Promise<Record<string, string>> {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const secret = join(directory, 'webhook-secret');
  writeFileSync(secret, 'a secret of this test alone\n');
  return {
    ALARM_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    ALARM_WEBHOOK_SECRET_FILE: secret,
    OBSERVER_URL: `http://127.0.0.1:${publicPort}`,
    OBSERVER_OCSP_URL: `http://127.0.0.1:${publicPort}/`,
  };
}

beforeAll(async () => {
  service = await prepareService();
  const environment = await channels(service.directory, service.publicPort);
  service.start('signer issuing');
  service.start('signer ocsp');
  watch = await connectTo(service.database.url);
  doomed = service.start('worker', environment);
  const first = await eventually('the first lives', async () => (await heartbeats())[0], TO_START);
  other = service.start('worker', environment);
  names = [first, await eventually('the second lives', async () => (await heartbeats())[1], TO_START)];
  await eventually(
    'lists are out',
    async () => (await watch.query(`select from crl where state = 'published'`)).rows[5],
  );
});

afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await watch?.end();
  await service?.stop();
});

it('what a killed worker had locked is done by another within a minute, and an alarm tells of the death', async () => {
  const lock = await connectTo(service.database.url);
  await lock.query('begin');
  await lock.query('lock table lease in access exclusive mode');
  for (let n = 0; n < 8; n += 1) await addJob(`held ${n}`);
  await eventually('both hold jobs', async () => (await lockedBy(names[0])) > 0 && (await lockedBy(names[1])) > 0);
  await doomed.kill();
  await lock.end();
  expect(await lockedBy(names[0])).toBeGreaterThan(0);

  await eventually('its jobs are free', async () => (await lockedBy(names[0])) === 0, A_MINUTE);
  await eventually('they are done', async () => (await jobs()) === 0, A_MINUTE);
  expect(await heartbeats()).toEqual([names[1]]);
  expect(await openAlarms()).toContain('worker_lost worker');
}, 120_000);

it('the alarm ends once a successor has lived for a while, and one that is stopped is no loss', async () => {
  const successor = service.start('worker');
  const name = await eventually('it lives', async () => (await heartbeats())[1], TO_START);
  expect(await openAlarms()).toContain('worker_lost worker');
  await watch.query(`update worker_heartbeat set started_at = now() - interval '6 minutes' where worker = $1`, [name]);
  await watch.query(
    `update alarm set raised_at = now() - interval '6 minutes', last_seen_at = now() - interval '6 minutes'`,
  );
  await eventually('the alarm is over', async () => !(await openAlarms()).includes('worker_lost worker'));
  expect(await successor.stop()).toBe(0);
  expect(await heartbeats()).toEqual([names[1]]);
}, 60_000);

it('a job that fails for the last time is an alarm, which ends when a retry has done it', async () => {
  await addJob('hopeless', { authority: 'no authority', attempts: 1 });
  await eventually('it is told', async () => (await openAlarms()).includes('job_failed publish_crl hopeless'));
  await watch.query(
    `update graphile_worker._private_jobs set payload = json_build_object('authority', $1::text) where key = 'hopeless'`,
    [ISSUER],
  );
  await service.igc('jobs', 'retry', '--all-failed');
  await eventually('the alarm is over', async () => !(await openAlarms()).includes('job_failed publish_crl hopeless'));
  expect(await jobs()).toBe(0);
}, 60_000);

it('a job whose worker was killed in the last attempt is told as well', async () => {
  await watch.query(
    `select graphile_worker.add_job('publish_crl', '{}', job_key => 'orphan', max_attempts => 1, run_at => now() + interval '1 hour')`,
  );
  await watch.query(
    `update graphile_worker._private_jobs set attempts = 1, locked_by = 'gone', locked_at = now() - interval '16 minutes'
     where key = 'orphan'`,
  );
  await eventually('it is told', async () => (await openAlarms()).includes('job_failed publish_crl orphan'));
}, 60_000);

it('the webhook was told what was raised and what is over', async () => {
  await eventually('all is told', () => told.includes('worker_lost cleared') && told.includes('job_failed cleared'));
  expect(told.indexOf('worker_lost raised')).toBeLessThan(told.indexOf('worker_lost cleared'));
  expect(told.indexOf('job_failed raised')).toBeLessThan(told.indexOf('job_failed cleared'));
});

it('the observer of a worker finds that nobody serves what the public should see', async () => {
  const missing = ['list_unverifiable', 'authority_file_wrong', 'ocsp_wrong'].map((kind) => `${kind} ${ISSUER}`);
  await eventually(
    'it is told',
    async () => (await openAlarms()).filter((alarm) => missing.includes(alarm)).length === 3,
    A_MINUTE,
  );
}, 90_000);

it('SIGTERM ends the other with 0, and leaves no heartbeat', async () => {
  expect(await other.stop()).toBe(0);
  expect(await heartbeats()).toEqual([]);
});
