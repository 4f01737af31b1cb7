// What tests of faults share: a service with its people in place, orders that may never be answered, and looks from outside at what
// the database does.

import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { utf8String } from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { type Answer, createApiClient, fetchPublic, type Order } from './api-client.ts';
import {
  csrPem,
  DURAND,
  HOSPITAL,
  issueCard,
  makeAdministrator,
  newKeyPair,
  recordStructures,
  writeApiCertificate,
} from './cast.ts';
import { attribute, buildCsr, subject } from './csr.ts';
import { type Service, untilReady } from './service.ts';

/** The CA of everything that `newOrder` asks for. */
export const ISSUER = 'ACI-EL-ORG-TEST';

const INTERMEDIATES = 6;

/** One order, however often it is sent. */
export type Repeatable = { readonly order: Order; readonly idempotencyKey?: string };

/** A technical administrator. Every call gives undefined when the connection ended without an answer. */
export type Administrator = {
  order(repeatable: Repeatable): Promise<Answer | undefined>;
  /** as superseded, unless told otherwise */
  revoke(id: string, reason?: string): Promise<Answer | undefined>;
  get(path: string): Promise<Answer | undefined>;
};

/** Who asks the API of a service at `apiPort`. */
export type Login = (at?: { readonly apiPort: number }) => Administrator;

/**
 * Gives a prepared service its API certificate and a technical administrator, through an issuing signer that runs already; nothing
 * else has to run.
 */
export async function settleIn(service: Service): Promise<Login> {
  const system = await service.open('operator');
  await untilReady(system.issuing);
  await recordStructures(system);
  await writeApiCertificate(system, service);
  const card = await issueCard(system, DURAND);
  await makeAdministrator(system, DURAND, [HOSPITAL]);
  return (at = service) => {
    const client = createApiClient({ ...service, ...at }, card);
    return {
      order: ({ order, idempotencyKey }) =>
        unlessBroken(
          client.order(order, idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } }),
        ),
      revoke: (id, reason = 'superseded') => unlessBroken(client.revoke(id, reason)),
      get: (path) => unlessBroken(client.call('GET', path)),
    };
  };
}

/** What is published under a path of the public role; undefined when the connection ended without an answer. */
export const getPublic = (service: Pick<Service, 'publicPort'>, path: string): Promise<Answer | undefined> =>
  unlessBroken(fetchPublic(service, `http://igc.demo.igc-sante.fr${path}`));

const unlessBroken = (answer: Promise<Answer>): Promise<Answer | undefined> => answer.catch(() => undefined);

let orders = 0;

/** An order that nobody has placed before: a key of its own, and an Idempotency-Key unless told otherwise. */
export function newOrder({ idempotent = true } = {}): Repeatable {
  orders += 1;
  const commonName = `service ${process.pid} ${orders}`;
  const csr = buildCsr({ key: newKeyPair(), subject: subject(attribute(OID.commonName, utf8String(commonName))) });
  const order = { profile: 'org-auth-cli', holder: { structure: HOSPITAL.structIdNat }, csr: csrPem(csr) };
  return idempotent ? { order, idempotencyKey: commonName } : { order };
}

type Patience = { readonly withinMs?: number; readonly everyMs?: number };

/** Sends it until the answer is one: neither broken off, nor 503, nor 409. */
export function answerAtLast(
  administrator: Administrator,
  repeatable: Repeatable,
  patience: Patience = {},
): Promise<Answer> {
  return eventually(
    'an answer to the order',
    async () => {
      const answer = await administrator.order(repeatable);
      return answer !== undefined && answer.statusCode !== 503 && answer.statusCode !== 409 ? answer : undefined;
    },
    { everyMs: 200, ...patience },
  );
}

/** For what has only to start, eight processes at once perhaps, on a machine that does other things: no promise is timed by it. */
export const TO_START: Patience = { withinMs: 60_000 };

/** The api has started, and all that it needs with it. */
export const apiReady = (administrator: Administrator): Promise<true> =>
  eventually('the api answers', async () => (await administrator.get('/readyz'))?.statusCode === 200, TO_START);

/** Waits until `look` gives something that is neither false nor undefined; names the wait that took too long. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 25_000, everyMs = 20 }: Patience = {},
): Promise<T> {
  const giveUp = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUp) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await sleep(everyMs);
  }
}

/** A connection of the test's own, whose locks last until it ends. */
export async function connectTo(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'igc-sante test' });
  // the test may kill the server under it
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Whose connections: of the processes of a role, or of the test itself. */
type Whose = 'api' | 'worker' | 'test';

/** How many connections wait for a lock with a statement that begins like this. */
export async function waitingForLock(watch: Client, whose: Whose, statement: string): Promise<number> {
  const { rows } = await watch.query(
    `select from pg_stat_activity where datname = current_database() and application_name = $1
       and wait_event_type = 'Lock' and starts_with(ltrim(query, E' \\n'), $2)`,
    [`igc-sante ${whose}`, statement],
  );
  return rows.length;
}

/** PostgreSQL has noticed that a killed role is gone, and has rolled back what that had not committed. */
export const connectionsEnded = (watch: Client, role: Whose): Promise<true> =>
  eventually(`the connections of the ${role} have ended`, async () => {
    const { rows } = await watch.query(
      'select from pg_stat_activity where datname = current_database() and application_name = $1',
      [`igc-sante ${role}`],
    );
    return rows.length === 0;
  });

/** Every intermediate has an OCSP responder: the worker has done what it does at its first start. */
export const respondersReady = (watch: Client): Promise<true> =>
  eventually(
    'every intermediate has a responder',
    async () => {
      const { rows } = await watch.query('select distinct issuer from ocsp_responder');
      return rows.length === INTERMEDIATES;
    },
    TO_START,
  );
