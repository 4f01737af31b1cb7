// Whether issuance became faster or slower: this checkout and another one side by side, each with a signer and an api of its own on one
// database, measured in turns, so that whatever else the machine does is done to both.

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { atEnd } from '../scripts/demo/ending.ts';
import { describePlace, type Environment, ROOT } from '../scripts/demo/place.ts';
import type { Stage } from '../scripts/demo/stage.ts';
import { median, remark, say, table } from './figures.ts';
import type { Measured } from './measure.ts';
import { COMMON, caKeys, positive } from './options.ts';
import { type CaKey, copyPolicies, preparePlace, startDurableCluster } from './place.ts';
import { startBeside, startService } from './service.ts';
import { CALLERS, cpuOf, order, rateOf } from './tasks.ts';

type Options = {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly callers: number;
  readonly other: string;
};
type Round = { readonly now: Measured; readonly before: Measured };

/** `before --checkout DIR [--rounds 3] [--callers 16] [--seconds 10] [--warm-up 2] [--keys …]`; DIR has its packages installed. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...COMMON,
      checkout: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      callers: { type: 'string', default: String(CALLERS) },
    },
  });
  if (values.checkout === undefined) throw new Error('--checkout names the folder of the version to compare with');
  const options = {
    seconds: positive(values.seconds),
    warmUpSeconds: positive(values['warm-up']),
    rounds: positive(values.rounds),
    callers: positive(values.callers),
    other: resolve(values.checkout),
  };
  for (const key of caKeys(values.keys)) tell(key, await compare(key, options));
}

async function compare(key: CaKey, options: Options): Promise<readonly Round[]> {
  const cluster = await startDurableCluster();
  atEnd(() => cluster.stop());
  const stage = await preparePlace(key, cluster);
  const service = await startService({ stage, root: ROOT });
  atEnd(() => service.stop());
  const besideStage = await stageBeside(key, stage, options.other);
  const beside = await startBeside({ stage: besideStage, root: options.other });
  atEnd(() => beside.stop());
  const rounds = takeTurns(stage, besideStage, options);
  const result = await Promise.race([rounds, service.failed, beside.failed]);
  await beside.stop();
  await service.stop();
  await cluster.stop();
  return result;
}

/** The same tokens, database and people; sockets, PIN latch, port and policies of its own. */
async function stageBeside(key: CaKey, stage: Stage, other: string): Promise<Stage> {
  const { directory } = stage;
  const { DATABASE_URL = '', SIGNER_SOCKETS, SIGNER_STATE } = stage.environment;
  const { API_LISTEN = '' } = await describePlace(directory, { databaseUrl: DATABASE_URL, serve: false });
  const environment: Environment = {
    ...stage.environment,
    API_LISTEN,
    SIGNER_SOCKETS: `${SIGNER_SOCKETS}2`,
    SIGNER_STATE: `${SIGNER_STATE}2`,
    POLICIES_DIRECTORY: copyPolicies(other, key, join(directory, 'policies2')),
  };
  return { ...stage, environment, apiPort: Number(API_LISTEN.split(':').at(-1)) };
}

async function takeTurns(stage: Stage, beside: Stage, options: Options): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    // who goes first changes, for a machine may tire
    const first = await order(round % 2 === 0 ? beside : stage, options);
    const second = await order(round % 2 === 0 ? stage : beside, options);
    rounds.push(round % 2 === 0 ? { before: first, now: second } : { before: second, now: first });
  }
  return rounds;
}

function tell(key: CaKey, rounds: readonly Round[]): void {
  const ratio = (of: (measured: Measured) => number): number =>
    median(rounds.map(({ now, before }) => of(now) / of(before)));
  say({ name: `issuance.${key}.rate.ratio`, value: ratio(rateOf), unit: 'now/before' });
  say({ name: `issuance.${key}.cpu.ratio`, value: ratio(cpuOf), unit: 'now/before' });
  remark('');
  table([
    [key, 'before 1/s', 'now 1/s', 'before µs', 'now µs'],
    ...rounds.map(({ now, before }, at) => [
      `round ${at + 1}`,
      ...[rateOf(before), rateOf(now), cpuOf(before), cpuOf(now)],
    ]),
  ]);
}
