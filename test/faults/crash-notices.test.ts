// SIGKILL of the worker at each step of a notice: before it is recorded, while the mail server has not answered, and between its
// answer and our commit. The next worker sends it: at most once more, under the same Message-ID, and never not at all.

import { sql } from 'drizzle-orm';
import type { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { recordContact } from '#db/contacts.ts';
import { recordStructure } from '#db/structures.ts';
import { issued } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { connectionsEnded, connectTo, eventually, waitingForLock } from '../helpers/faults.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { type SmtpSink, startSmtpSink } from '../helpers/smtp-sink.ts';

const DAY_MS = 86_400_000;
const OWNER = 'dsi@hopital.example.fr';

let service: Service;
let sink: SmtpSink;
let watch: Client;
let worker: RunningRole;
let id: string;

beforeAll(async () => {
  sink = await startSmtpSink();
  service = await prepareService();
  watch = await connectTo(service.database.url);
  const { read } = service.database.db;
  await recordStructure(read, { id: uuidv7(), ...HOSPITAL });
  const owner = { ownerKind: 'structure', ownerKey: HOSPITAL.structIdNat, role: 'owner' } as const;
  await recordContact(read, { id: uuidv7(), ...owner, email: OWNER, language: 'fr' });
});
afterAll(async () => {
  await watch?.end();
  await service?.stop();
  await sink?.close();
});
beforeEach(async () => {
  const [notBefore, notAfter] = [new Date(Date.now() - 700 * DAY_MS), new Date(Date.now() + 10 * DAY_MS)];
  const changes = { notBefore, notAfter, subject: `CN=${uuidv7()},C=FR`, structure: HOSPITAL.structIdNat };
  ({ id } = await issued(service.database.db.read, changes));
  // a certificate that is old and new at once is behind where the last run stopped
  await service.database.db.read.execute(sql`delete from notice_progress`);
  sink.received.length = 0;
  sink.answer = () => undefined;
});
afterEach(() => worker?.kill());

/** Alarms, which these tests raise too, are mailed to others. */
const hangForTheOwner = (to: string) => (to === OWNER ? ('hang' as const) : undefined);

const start = (): void => {
  worker = service.start('worker', { SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile });
};
const kill = async (): Promise<void> => {
  await worker.kill();
  await connectionsEnded(watch, 'worker');
};
const state = async (): Promise<string | undefined> => {
  const { rows } = await service.database.db.read.execute<{ state: string }>(
    sql`select state from notice_mail where certificate_id = ${id}`,
  );
  return rows.length === 1 ? rows[0]?.state : undefined;
};
/** The time after which the mail of a dead sender is another's has passed. */
const leaseOver = () =>
  service.database.db.read.execute(sql`update notice_mail set next_at = now() where state = 'sending'`);
const isSent = (): Promise<true> => eventually('the mail is sent', async () => (await state()) === 'sent');

function expectDelivered(times: number): void {
  const toTheOwner = sink.received.filter(({ to }) => to[0] === OWNER);
  expect(toTheOwner.map(({ to, mail }) => [to[0], mail.messageId])).toEqual(
    Array.from({ length: times }, () => [OWNER, `<notice.${id}.15d@igc-sante.example.fr>`]),
  );
}

/** A connection that holds what `statement` locks, until it ends. */
async function holding(statement: string, values: readonly string[] = []): Promise<Client> {
  const lock = await connectTo(service.database.url);
  await lock.query('begin');
  await lock.query(statement, [...values]);
  return lock;
}
const waits = (statement: string): Promise<true> =>
  eventually(`${statement} waits`, async () => (await waitingForLock(watch, 'worker', statement)) > 0);

/** A worker that has handed over the mail and hears no answer. */
async function startUnanswered(): Promise<void> {
  sink.answer = hangForTheOwner;
  const hung = sink.hung();
  start();
  await hung;
}
/** The server has answered, and the worker cannot write down that it did. */
async function answerUnsettled(): Promise<Client> {
  const lock = await holding('select from notice_mail where certificate_id = $1 for update', [id]);
  sink.release();
  await waits('update "notice_mail"');
  return lock;
}

type Crash = {
  readonly when: string;
  /** brings a worker to where it is killed; what it gives holds it there */
  readonly reach: () => Promise<Client | undefined>;
  readonly left: string | undefined;
  readonly delivered: number;
};

it.each<Crash>([
  {
    when: 'before the notice is recorded',
    reach: async () => {
      const lock = await holding('lock table notice_mail in share mode');
      start();
      await waits('insert into notice_mail');
      return lock;
    },
    left: undefined,
    delivered: 1,
  },
  {
    when: 'while the server has not answered DATA',
    reach: async () => {
      await startUnanswered();
      return undefined;
    },
    left: 'sending',
    delivered: 2,
  },
  {
    when: 'between the answer and our commit',
    reach: async () => {
      await startUnanswered();
      return await answerUnsettled();
    },
    left: 'sending',
    delivered: 2,
  },
])(
  'killed $when: the next worker sends it, under the same Message-ID; $delivered delivered in all',
  async ({ reach, left, delivered }) => {
    const lock = await reach();
    await kill();
    await lock?.end();
    expect(await state()).toBe(left);
    sink.answer = () => undefined;
    await leaseOver();
    start();
    await isSent();
    expectDelivered(delivered);
  },
  60_000,
);

it('a database that is away when the server has answered is asked again, and the mail comes once', async () => {
  await startUnanswered();
  const lock = await answerUnsettled();
  await watch.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'igc-sante worker'
       and wait_event_type = 'Lock'`,
  );
  await lock.end();
  await isSent();
  expectDelivered(1);
});
