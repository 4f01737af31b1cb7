// The jobs of the day as jobs: taken by a real runner, with the task list and nothing else running that would do the same.

import type { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { recordContact } from '#db/contacts.ts';
import { writeAuthorities } from '../../src/directory/authorities.ts';
import { openMailer } from '../../src/notices/mail.ts';
import { keepJobsRunning } from '../../src/worker/jobs.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { HOSPITAL, type IssuedCard, issueTo } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, prepareDirectory } from '../helpers/directory.ts';
import { connectTo, eventually } from '../helpers/faults.ts';
import { type SmtpSink, startSmtpSink } from '../helpers/smtp-sink.ts';

const DAY_MS = 86_400_000;
const OWNER = 'dsi@hopital.example.fr';
const STRANGER = `cn=stranger,ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`;

let stage: DirectoryStage;
let sink: SmtpSink;
let watch: Client;
let certificate: IssuedCard;
let jobs: { stop(): Promise<void> };

beforeAll(async () => {
  [stage, sink] = await Promise.all([prepareDirectory(), startSmtpSink()]);
  const holder = { kind: 'structure', ...HOSPITAL } as const;
  const names = { commonName: 'ends soon' };
  certificate = await issueTo(stage.operator, { profile: 'org-auth-cli', holder, names });
  await stage.follower('worker').follow();
  await writeAuthorities(stage.system, stage.connection(), 'worker');
  const mail = { SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile };
  const system = await stage.service.open('worker', { ...stage.environment, ...mail });
  const end = parseCertificate(certificate.der).notAfter;
  const clock = () => new Date(end.getTime() - 10 * DAY_MS);
  jobs = await keepJobsRunning({ ...system, clock }, openMailer(system.config, system.policies.notices));
  watch = await connectTo(stage.service.database.url);
}, 120_000);

afterAll(async () => {
  await jobs?.stop();
  await watch?.end();
  await sink?.close();
  await stage?.stop();
});

/** Asks for a run of a task as the schedule asks for it, and waits until it is done. */
async function runJob(task: string): Promise<void> {
  await watch.query('select graphile_worker.add_job($1, json_build_object(), job_key => $1, max_attempts => 5)', [
    task,
  ]);
  await eventually(`${task} is done`, async () => {
    const { rows } = await watch.query('select last_error from graphile_worker.jobs where key = $1', [task]);
    expect(rows[0]?.last_error ?? null).toBeNull();
    return rows.length === 0;
  });
}

const wrong = async (): Promise<number> => (await listAlarms(stage.system.db.read, { kind: 'directory_wrong' })).length;

it('send_notices records what is due and sends it, and a second run sends nothing more', async () => {
  const owner = { ownerKind: 'structure', ownerKey: HOSPITAL.structIdNat, role: 'owner' } as const;
  await recordContact(stage.system.db.read, { id: uuidv7(), ...owner, email: OWNER, language: 'fr' });
  await runJob('send_notices');
  const sent = sink.received.map(({ to, mail }) => [to[0], mail.messageId]);
  expect(sent).toEqual([[OWNER, `<notice.${certificate.id}.15d@igc-sante.example.fr>`]]);
  await runJob('send_notices');
  expect(sink.received).toHaveLength(1);
});

it('reconcile_directory raises no alarm while all is well, and one for a stranger, whom it leaves alone', async () => {
  await runJob('reconcile_directory');
  expect(await wrong()).toBe(0);
  await stage.connection().add(STRANGER, { objectClass: ['applicationProcess', 'pkiUser'], cn: ['stranger'] });
  await runJob('reconcile_directory');
  expect(await wrong()).toBe(1);
  expect(await stage.connection().read(STRANGER, ['*'])).toBeDefined();
});
