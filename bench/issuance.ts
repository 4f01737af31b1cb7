// What issuance costs: certificates a second through the API, signatures a second through the signer, and processor time for one.
// Figures of one run are fit to be compared with each other; those of two runs only where nothing else was at work.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Cluster } from '../scripts/cluster.ts';
import { apiAccess } from '../scripts/demo/administrator-acts.ts';
import { atEnd } from '../scripts/demo/ending.ts';
import { ROOT } from '../scripts/demo/place.ts';
import { HOSPITAL, type Stage } from '../scripts/demo/stage.ts';
import { profileOptions, tellProcesses, tellProfiles } from './breakdown.ts';
import { timeOf } from './cpu.ts';
import { type Figure, percentile, remark, say, table } from './figures.ts';
import { type Measured, measure, runGenerator } from './measure.ts';
import { BENCH, CA_KEYS, type CaKey, preparePlace, startDurableCluster } from './place.ts';
import type { RawSignature } from './raw-signature-main.ts';
import { takeRequests } from './requests.ts';
import { startService } from './service.ts';

const CALLERS = 16;
const RAW_SECONDS = 3;
/** More than can be ordered in a second, so that the requests made beforehand suffice. */
const MOST_A_SECOND: Readonly<Record<number, number>> = { 1: 500, [CALLERS]: 1_500 };

type Options = {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly keys: readonly CaKey[];
  readonly profile: boolean;
};
type Run = { readonly key: CaKey; readonly stage: Stage; readonly options: Options };

/** `issuance [--seconds 10] [--warm-up 2] [--keys rsa2048,rsa4096,p256] [--profile]`; profiling slows what it looks at. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const figures: Figure[] = [];
  for (const key of options.keys) figures.push(...(await measureKey(key, options)));
  table([['figure', 'value', 'unit'], ...figures.map(({ name, value, unit }) => [name, value, unit])]);
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      'warm-up': { type: 'string', default: '2' },
      keys: { type: 'string', default: Object.keys(CA_KEYS).join() },
      profile: { type: 'boolean', default: false },
    },
  });
  const keys = values.keys.split(',').map((key) => {
    if (!isCaKey(key)) throw new Error(`--keys takes ${Object.keys(CA_KEYS).join()}`);
    return key;
  });
  return {
    seconds: positive(values.seconds),
    warmUpSeconds: positive(values['warm-up']),
    keys,
    profile: values.profile,
  };
}

const isCaKey = (text: string): text is CaKey => Object.hasOwn(CA_KEYS, text);

function positive(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new Error(`${text} is no number of seconds`);
  return seconds;
}

async function measureKey(key: CaKey, options: Options): Promise<readonly Figure[]> {
  remark(`${key}: a hierarchy, a database, and every role of the service`);
  const cluster = await startDurableCluster();
  atEnd(() => cluster.stop());
  const stage = await preparePlace(key, cluster);
  const profiles = join(stage.directory, 'profiles', String(process.pid));
  const service = await startService({
    stage,
    root: ROOT,
    ...(options.profile ? { options: profileOptions(profiles) } : {}),
  });
  atEnd(() => service.stop());
  const { figures, together } = await Promise.race([measureService({ key, stage, options }), service.failed]);
  if (options.profile) tellProcesses(together, service.roles, postmasterOf(cluster));
  await service.stop();
  if (options.profile) tellProfiles(together, service.roles, profiles);
  await cluster.stop();
  return figures;
}

const postmasterOf = ({ directory }: Cluster): number =>
  Number.parseInt(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8'), 10);

async function measureService(run: Run): Promise<{ figures: readonly Figure[]; together: Measured }> {
  const { key } = run;
  const said: Figure[] = [];
  const figure = (name: string, value: number, unit: string): void => {
    const one = { name: `${name.replace('.', `.${key}.`)}`, value, unit };
    said.push(one);
    say(one);
  };
  const alone = await order(run, 1);
  figure('issuance.c1.rate', rateOf(alone), '1/s');
  const together = await order(run, CALLERS);
  figure('issuance.c16.rate', rateOf(together), '1/s');
  figure('issuance.c16.p99', percentile(together.latencies, 0.99), 'ms');
  const raw = await rawSignature(run);
  figure('issuance.cpu', cpuOf(together) - raw.cpu, 'µs');
  figure('signer.rate', rateOf(await sign(run)), '1/s');
  return { figures: said, together };
}

const rateOf = ({ answers, seconds }: Measured): number => answers / seconds;

/** Microseconds of all that this process started, PostgreSQL included, but for the generator, for each certificate. */
function cpuOf({ answers, before, after, generator }: Measured): number {
  const ours = (processes: Measured['before']): number => timeOf(processes, process.pid, [generator]) - own(processes);
  const own = (processes: Measured['before']): number =>
    processes.filter(({ pid }) => pid === process.pid).reduce((sum, times) => sum + times.own + times.buried, 0);
  return (ours(after) - ours(before)) / answers;
}

let taken = 0;

function order({ stage, options }: Run, callers: number): Promise<Measured> {
  const { seconds, warmUpSeconds } = options;
  const count = Math.ceil((seconds + warmUpSeconds) * (MOST_A_SECOND[callers] ?? 0)) + callers;
  const requests = takeRequests(join(BENCH, 'requests.txt'), taken, count);
  taken += count;
  const input = { callers, seconds, warmUpSeconds, access: apiAccess(stage), structure: HOSPITAL.id, requests };
  return measure({ generator: 'order-load', input });
}

function sign({ stage, options }: Run): Promise<Measured> {
  const input = { callers: CALLERS, seconds: options.seconds, warmUpSeconds: options.warmUpSeconds };
  return measure({ generator: 'signer-load', input, environment: stage.environment });
}

async function rawSignature({ stage, options }: Run): Promise<RawSignature> {
  const input = { seconds: Math.min(RAW_SECONDS, options.seconds) };
  let raw: RawSignature | undefined;
  await runGenerator<RawSignature>({ generator: 'raw-signature', input, environment: stage.environment }, (line) => {
    raw = line;
  });
  if (raw === undefined) throw new Error('the raw signature was not measured');
  return raw;
}
