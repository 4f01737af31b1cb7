// Orders and revocations in flight while api, signer and worker are killed at moments that a seeded generator chooses. Callers do
// what the documentation tells them: repeat with the same Idempotency-Key. Afterwards everything that was promised must hold.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CertificateDocument } from '../helpers/api-client.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectTo,
  eventually,
  newOrder,
  respondersReady,
  settleIn,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { prepareService, type RoleName, type RunningRole, type Service } from '../helpers/service.ts';

const SEED = Number(process.env.FAULTS_SEED ?? 20261122);
/** orders in flight at any moment */
const CALLERS = 12;
const KILLS = 8;
/** An api that is killed again and again before it listens answers nobody for a while. */
const PATIENCE = { withinMs: 60_000, everyMs: 100 };
const SIGNING_DEADLINE_MS = 1_000;
const VICTIMS: readonly RoleName[] = ['api', 'signer issuing', 'worker'];

let service: Service;
let administrator: Administrator;
const running = new Map<RoleName, RunningRole>();

beforeAll(async () => {
  service = await prepareService({ spy: true, environment: { SIGNING_DEADLINE_MS: String(SIGNING_DEADLINE_MS) } });
  running.set('signer issuing', service.start('signer issuing'));
  service.start('signer ocsp');
  administrator = (await settleIn(service))();
  service.start('public');
  for (const role of ['api', 'worker'] as const) running.set(role, service.start(role));
  const watch = await connectTo(service.database.url);
  await respondersReady(watch);
  await watch.end();
  await apiReady(administrator);
});

afterAll(() => service?.stop());

/** mulberry32: small, seeded, and good enough to choose victims. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What a supervisor does: a role that is gone is started again. */
async function killAndStart(role: RoleName): Promise<void> {
  await running.get(role)?.kill();
  running.set(role, service.start(role));
}

async function killAtRandom(random: (below: number) => number): Promise<void> {
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(100 + random(900));
    await killAndStart(VICTIMS[random(VICTIMS.length)] ?? 'api');
  }
}

const issued: string[] = [];
const revoked: string[] = [];

/** One order, repeated until it is answered; then perhaps its revocation, likewise. */
async function order(revoke: boolean): Promise<void> {
  const answer = await answerAtLast(administrator, newOrder(), PATIENCE);
  expect(answer.statusCode).toBe(201);
  const { id, certificate } = answer.json<CertificateDocument>();
  issued.push(certificate);
  if (!revoke) return;
  const acknowledged = async (): Promise<boolean> => {
    const revocation = await administrator.revoke(id);
    return revocation?.statusCode === 200 || revocation?.json().code === 'already_revoked';
  };
  await eventually('the revocation is acknowledged', acknowledged, PATIENCE);
  revoked.push(id);
}

it(`keeps every promise when processes die at random (FAULTS_SEED=${SEED})`, async () => {
  const random = generator(SEED);
  let killing = true;
  const call = async (): Promise<void> => {
    while (killing) await order(random(4) === 0);
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, call));
  await killAtRandom(random);
  killing = false;
  await callers;
  expect(new Set(issued).size).toBe(issued.length);
  await checkInvariants(service, { issued, revoked });
}, 120_000);
