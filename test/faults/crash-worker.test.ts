// SIGKILL of the worker while it publishes a CRL or renews OCSP responders: the number or the serial is burnt, the next worker goes
// on, and a relying party never sees anything but whole lists with rising numbers.

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCrl } from '../../src/x509/crl.ts';
import type { CertificateDocument } from '../helpers/api-client.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectionsEnded,
  connectTo,
  eventually,
  getPublic,
  ISSUER,
  newOrder,
  respondersReady,
  settleIn,
  waitingForLock,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { prepareService, type RunningRole, type Service } from '../helpers/service.ts';
import { wasSigned } from '../helpers/token-log.ts';

/** A publisher's lease runs out after six of these, recovery burns after two. */
const SIGNING_DEADLINE_MS = 1_000;
/** A lease that runs out, a look every three seconds, and pauses after a try that failed on a busy machine. */
const LEASE_PATIENCE = { withinMs: 45_000 };

let service: Service;
let administrator: Administrator;
let watch: Client;
let signer: RunningRole;
let worker: RunningRole;
const issued: string[] = [];
const revoked: string[] = [];

beforeAll(async () => {
  service = await prepareService({ spy: true, environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) } });
  signer = service.start('signer issuing');
  service.start('signer ocsp');
  administrator = (await settleIn(service))();
  service.start('api');
  service.start('public');
  watch = await connectTo(service.database.url);
  await apiReady(administrator);
});

afterAll(async () => {
  await watch?.end();
  await service?.stop();
});

const responders = async (): Promise<{ state: string; tbs: Buffer }[]> =>
  (await watch.query(`select state, tbs from certificate where profile = 'ocsp-responder' order by id`)).rows;

describe('SIGKILL of the worker that renews OCSP responders', () => {
  it('after the signature and before the responder is recorded burns the serial; the next worker makes one each', async () => {
    const lock = await connectTo(service.database.url);
    await lock.query('begin');
    await lock.query('lock table ocsp_responder in share mode');
    worker = service.start('worker');
    await eventually(
      'the result waits',
      async () => (await waitingForLock(watch, 'worker', 'insert into "ocsp_')) === 1,
    );
    await worker.kill();
    await lock.end();
    await connectionsEnded(watch, 'worker');
    const [row] = await responders();
    expect(row?.state).toBe('signing');
    expect(wasSigned(service, row?.tbs ?? new Uint8Array())).toBe(true);

    worker = service.start('worker');
    await respondersReady(watch);
    await eventually('the row is burnt', async () => (await responders())[0]?.state === 'burnt');
    const states = (await responders()).map(({ state }) => state);
    expect(states).toEqual(['burnt', 'issued', 'issued', 'issued', 'issued', 'issued', 'issued']);
  });
});

type CrlRow = { readonly number: string; readonly state: string; readonly tbs: Buffer | null };

const crls = async (): Promise<CrlRow[]> =>
  (await watch.query('select number, state, tbs from crl where issuer = $1 order by number', [ISSUER])).rows;

const inSigning = async (): Promise<CrlRow | undefined> => (await crls()).find(({ state }) => state === 'signing');

async function issueOne(): Promise<string> {
  const answer = await answerAtLast(administrator, newOrder());
  const { id, certificate } = answer.json<CertificateDocument>();
  issued.push(certificate);
  return id;
}

/** Revokes while the signer is stopped: the next list has a number and is not signed. */
async function revokeWithStoppedSigner(id: string): Promise<CrlRow> {
  signer.signal('SIGSTOP');
  expect((await administrator.revoke(id))?.statusCode).toBe(200);
  revoked.push(id);
  return eventually('a list is signing', inSigning);
}

/** Starts the next worker and waits until this number is burnt and a list with a higher one is published. */
async function expectBurntAndFollowed(number: string): Promise<void> {
  worker = service.start('worker');
  const rows = await eventually(
    'the next list is published',
    async () => {
      const found = await crls();
      return found.at(-1)?.state === 'published' && found.every(({ state }) => state !== 'signing') ? found : undefined;
    },
    LEASE_PATIENCE,
  );
  expect(rows.find((row) => row.number === number)?.state).toBe('burnt');
  expect(Number(rows.at(-1)?.number)).toBeGreaterThan(Number(number));
}

/** Somebody who fetches the list all the time: the number of each, in the order of their coming. Throws for one that is not whole. */
function readAllTheTime(): { last(): bigint | undefined; stop(): Promise<readonly bigint[]> } {
  let reading = true;
  const numbers: bigint[] = [];
  const read = async (): Promise<readonly bigint[]> => {
    while (reading) {
      const answer = await getPublic(service, `/CRL/${ISSUER}.crl`);
      if (answer?.statusCode !== 200) throw new Error(`the list was answered with ${answer?.statusCode}`);
      numbers.push(parseCrl(answer.body).number ?? 0n);
    }
    return numbers;
  };
  const whole = read();
  whole.catch(() => undefined);
  return {
    last: () => numbers.at(-1),
    stop() {
      reading = false;
      return whole;
    },
  };
}

describe('SIGKILL of the worker that publishes a CRL', () => {
  it('burns the number, before the signature as after it, and readers see whole lists with rising numbers', async () => {
    await eventually('the first list is out', async () => (await crls()).some(({ state }) => state === 'published'));
    const reader = readAllTheTime();

    const first = await revokeWithStoppedSigner(await issueOne());
    expect(wasSigned(service, first.tbs ?? new Uint8Array())).toBe(false);
    await worker.kill();
    signer.signal('SIGCONT');
    await expectBurntAndFollowed(first.number);

    const second = await revokeWithStoppedSigner(await issueOne());
    const lock = await connectTo(service.database.url);
    await lock.query('begin');
    await lock.query(`select from crl where issuer = $1 and state = 'signing' for update`, [ISSUER]);
    signer.signal('SIGCONT');
    await eventually('publication waits', async () => (await waitingForLock(watch, 'worker', 'with held as')) === 1);
    expect(wasSigned(service, second.tbs ?? new Uint8Array())).toBe(true);
    await worker.kill();
    await lock.end();
    await connectionsEnded(watch, 'worker');
    expect((await inSigning())?.number).toBe(second.number);
    await expectBurntAndFollowed(second.number);

    const lastNumber = BigInt((await crls()).at(-1)?.number ?? 0);
    await eventually('the reader has the last list', () => reader.last() === lastNumber);
    const numbers = await reader.stop();
    expect(numbers).toEqual(numbers.toSorted((a, b) => Number(a - b)));
    expect(new Set(numbers).size).toBeGreaterThan(2);
    expect(numbers).not.toContain(BigInt(first.number));
    expect(numbers).not.toContain(BigInt(second.number));
  }, 120_000);
});

it('keeps every promise through all of this', async () => {
  await checkInvariants(service, { issued, revoked });
});
