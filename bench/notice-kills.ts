// A hundred thousand mails, workers as in production, and a mail server that has the whole of a mail and does not answer: then its
// worker is killed, and another one is started.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { parseDocument } from 'yaml';
import type { Database } from '#db/connect.ts';
import { atEnd } from '../scripts/demo/ending.ts';
import { openssl } from '../scripts/demo/openssl.ts';
import { ROOT } from '../scripts/demo/place.ts';
import type { Stage } from '../scripts/demo/stage.ts';
import { endChild, ended, spawnBound } from '../scripts/process.ts';
import { remark } from './figures.ts';
import type { Delivery, Held, SinkEvent, SinkOrder } from './notice-sink-main.ts';
import { type Tally, tally, type WantedMail } from './notice-tally.ts';
import { type Running, startRole } from './service.ts';

const LOOK_MS = 2_000;
/** Kills are over when so much of the mails is delivered: the last mails of the dead wait while the others go out. */
const KILLING_PART = 0.7;

export type Sending = { readonly mails: number; readonly kills: number; readonly workers: number };
export type Sent = Tally & { readonly mails: number; readonly kills: number };

/**
 * The stage with a policy that sends as fast as it can, over one connection a worker: so a worker that is killed has one mail in its
 * hands, and not one on each of several connections.
 */
export function sendingPolicies(stage: Stage): Stage {
  const file = join(stage.environment.POLICIES_DIRECTORY ?? '', 'notices.yaml');
  const document = parseDocument(readFileSync(file, 'utf8'));
  document.setIn(['sender', 'connections'], 1);
  document.setIn(['sender', 'perSecond'], 10_000);
  writeFileSync(file, String(document));
  return stage;
}

type Place = { readonly stage: Stage; readonly db: Database };

/** Sends the newest waiting mails, the others count as sent before, and answers what came of them. Takes its time: dead workers' mails wait. */
export async function sendAndKill({ stage, db }: Place, { mails, kills, workers }: Sending): Promise<Sent> {
  const wanted = await takeNewest(db, mails);
  const between = Math.floor((KILLING_PART * wanted.length) / (kills + 1));
  if (between < 1) throw new Error(`${wanted.length} mails are too few for ${kills} kills`);
  const sink = await startSink(stage, { kills, between });
  const crew = startCrew(stage, sink.environment);
  for (let number = 0; number < workers; number += 1) crew.add();
  let killed = 0;
  const killing = (async () => {
    for await (const held of sink.held) {
      await crew.kill(held.user);
      if (await isUnconfirmed(db, held)) killed += 1;
      else remark(`the mail that ${held.user} had in its hands when it was killed was not waiting for an answer`);
      sink.gone();
      crew.add();
    }
  })();
  const settled = untilSettled(db, wanted.length);
  await Promise.race([settled, crew.failed, killing.then(() => settled)]);
  await crew.stop();
  const deliveries = await sink.stop();
  await killing;
  return { ...tally(wanted, deliveries), mails: wanted.length, kills: killed };
}

/** Mails of notices alone, of certificates that do not end meanwhile. A digest, which names the certificates of many, is set aside. */
async function takeNewest({ read }: Database, count: number): Promise<readonly WantedMail[]> {
  await read.execute(sql`
    update notice_mail set state = 'sent', settled_at = now()
    where state in ('pending', 'sending') and id not in (
      select mail.id from notice_mail mail join certificate on certificate.id = certificate_id
      where mail.state = 'pending' and not_after > now() + interval '1 hour' order by mail.id desc limit ${count})`);
  await read.execute(sql`vacuum analyze notice_mail`);
  const { rows } = await read.execute<WantedMail>(sql`
    select certificate_id as "certificateId", threshold, email, message_id as "messageId",
      encode(serial, 'hex') as serial
    from notice_mail mail join certificate on certificate.id = certificate_id
    where certificate_id is not null and mail.state in ('pending', 'sending')`);
  return rows;
}

/** The row of the mail that a dead worker had in its hands. */
async function isUnconfirmed({ read }: Database, { messageId, to }: Held): Promise<boolean> {
  const { rows } = await read.execute(sql`
    select from notice_mail where message_id = ${messageId} and email = ${to} and state = 'sending'`);
  return rows.length === 1;
}

/** Until nothing that is due waits, the mails of dead workers included, which are another's only after minutes. */
async function untilSettled({ read }: Database, count: number): Promise<void> {
  for (let last = count; ; ) {
    await sleep(LOOK_MS);
    const { rows } = await read.execute<{ open: number }>(
      sql`select count(*)::int as open from notice_mail where certificate_id is not null and state in ('pending', 'sending')`,
    );
    const open = rows[0]?.open ?? 0;
    if (open === 0) return;
    if (Math.floor((10 * open) / count) < Math.floor((10 * last) / count) || (open < 100 && open !== last))
      remark(`${open} mails wait`);
    last = open;
  }
}

type Crew = {
  add(): void;
  kill(user: string): Promise<void>;
  stop(): Promise<void>;
  /** rejects when one ends by itself */
  readonly failed: Promise<never>;
};

/** The signers, and workers that the mail server knows by name. */
function startCrew(stage: Stage, environment: Stage['environment']): Crew {
  const signers = (['signer issuing', 'signer ocsp'] as const).map((role) => startRole(role, { stage, root: ROOT }));
  const workers = new Map<string, Running>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  let number = 0;
  const stop = async (): Promise<void> => {
    await Promise.all([...workers.values()].map((worker) => worker.stop()));
    await Promise.all(signers.map((signer) => signer.stop()));
  };
  atEnd(stop);
  return {
    failed: failure.promise,
    add() {
      number += 1;
      const user = `worker-${number}`;
      const own = { ...stage, directory: join(stage.directory, 'workers', user) };
      mkdirSync(own.directory, { recursive: true });
      const place = { ...own, environment: { ...stage.environment, ...environment, SMTP_USER: user } };
      const worker = startRole('worker', { stage: place, root: ROOT });
      workers.set(user, worker);
      worker.failed.catch((error) => {
        if (workers.has(user)) failure.reject(error);
      });
    },
    async kill(user) {
      const worker = workers.get(user);
      if (worker === undefined) throw new Error(`${user} is not at work`);
      workers.delete(user);
      await endChild(worker.child, 'SIGKILL');
    },
    stop,
  };
}

type Sink = {
  readonly environment: Stage['environment'];
  readonly held: AsyncIterable<Held>;
  gone(): void;
  stop(): Promise<readonly Delivery[]>;
};

async function startSink(stage: Stage, { kills, between }: Pick<SinkOrder, 'kills' | 'between'>): Promise<Sink> {
  const file = (name: string): string => join(stage.directory, 'tls', name);
  const [key, certificate, secret, deliveries] = [
    file('smtp.key'),
    file('smtp.pem'),
    file('smtp.password'),
    file('smtp.ndjson'),
  ];
  const made = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  await openssl(
    'req',
    '-x509',
    ...made,
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    key,
    '-out',
    certificate,
  );
  const password = randomBytes(16).toString('hex');
  writeFileSync(secret, password, { mode: 0o600 });
  const child = spawnBound(process.execPath, [join(import.meta.dirname, 'notice-sink-main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  atEnd(() => endChild(child));
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the mail server was started without pipes');
  const order: SinkOrder = { key, certificate, password, deliveries, kills, between };
  stdin.write(`${JSON.stringify(order)}\n`);
  const events = eventsOf(stdout);
  const first = await events.next();
  if (first.done || first.value.event !== 'listening') throw new Error('the mail server did not start');
  return {
    environment: {
      ...{ SMTP_URL: `smtp://localhost:${first.value.port}`, SMTP_CA_FILE: certificate, SMTP_PASSWORD_FILE: secret },
    },
    held: heldOf(events),
    gone: () => void stdin.write('gone\n'),
    async stop() {
      stdin.end();
      const status = await ended(child);
      if (status !== 0) throw new Error(`the mail server ended with ${status}`);
      const lines = readFileSync(deliveries, 'utf8').split('\n').filter(Boolean);
      return lines.map((line): Delivery => JSON.parse(line));
    },
  };
}

async function* eventsOf(stdout: NodeJS.ReadableStream): AsyncGenerator<SinkEvent> {
  for await (const line of createInterface({ input: stdout })) yield JSON.parse(line);
}

async function* heldOf(events: AsyncIterable<SinkEvent>): AsyncGenerator<Held> {
  for await (const event of events) if (event.event === 'held') yield event;
}
