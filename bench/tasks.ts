// What is measured, one task each: orders through the API, signatures through the signer, signatures of the bare token.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { apiAccess } from '../scripts/demo/administrator-acts.ts';
import { HOSPITAL, type Stage } from '../scripts/demo/stage.ts';
import { timeOf } from './cpu.ts';
import type { Window } from './load.ts';
import { type Measured, measure, runGenerator } from './measure.ts';
import { BENCH } from './place.ts';
import type { RawSignature } from './raw-signature-main.ts';
import { takeRequests } from './requests.ts';

/** Callers of the c16 figures. */
export const CALLERS = 16;
const RAW_SECONDS = 3;
/** More than one caller, or all of them, can order in a second, so that the requests made beforehand suffice. */
const MOST_ALONE = 400;
const MOST_TOGETHER = Math.min(4_000, 600 * availableParallelism());

let taken = 0;

/** Orders certificates, each for a request that this run has not used yet. */
export function order(stage: Stage, window: Window): Promise<Measured> {
  const { callers, seconds, warmUpSeconds } = window;
  const most = Math.min(callers * MOST_ALONE, MOST_TOGETHER);
  const count = Math.ceil((seconds + warmUpSeconds) * most) + callers;
  const requests = takeRequests(join(BENCH, 'requests.txt'), taken, count);
  taken += count;
  const input = { ...window, access: apiAccess(stage), structure: HOSPITAL.id, requests };
  return measure({ generator: 'order-load', input });
}

/** Has certificates signed through the signer's socket. */
export const sign = (stage: Stage, window: Window): Promise<Measured> =>
  measure({ generator: 'signer-load', input: window, environment: stage.environment });

/** Microseconds that the bare token takes for one signature. */
export async function rawSignature(stage: Stage, window: Window): Promise<RawSignature> {
  const input = { seconds: Math.min(RAW_SECONDS, window.seconds) };
  let raw: RawSignature | undefined;
  await runGenerator<RawSignature>({ generator: 'raw-signature', input, environment: stage.environment }, (line) => {
    raw = line;
  });
  if (raw === undefined) throw new Error('the raw signature was not measured');
  return raw;
}

export const rateOf = ({ answers, seconds }: Measured): number => answers / seconds;

/** Microseconds of all that this process started, PostgreSQL included, but for the generator, for each answer. */
export function cpuOf({ answers, before, after, generator }: Measured): number {
  const ours = (processes: Measured['before']): number =>
    processes
      .filter(({ parent }) => parent === process.pid)
      .reduce((sum, { pid }) => sum + timeOf(processes, pid, [generator]), 0);
  return (ours(after) - ours(before)) / answers;
}
