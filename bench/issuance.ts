// What issuance costs: certificates a second through the API, signatures a second through the signer, and processor time for one.
// Figures of one run are fit to be compared with each other; those of two runs only where nothing else was at work.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Cluster } from '../scripts/cluster.ts';
import { atEnd } from '../scripts/demo/ending.ts';
import { ROOT } from '../scripts/demo/place.ts';
import type { Stage } from '../scripts/demo/stage.ts';
import { profileOptions, tellProcesses, tellProfiles } from './breakdown.ts';
import { type Figure, percentile, remark, say, table } from './figures.ts';
import type { Measured } from './measure.ts';
import { COMMON, caKeys, positive } from './options.ts';
import { type CaKey, preparePlace, startDurableCluster } from './place.ts';
import { startService } from './service.ts';
import { CALLERS, cpuOf, order, rateOf, rawSignature, sign } from './tasks.ts';

type Options = { readonly seconds: number; readonly warmUpSeconds: number; readonly profile: boolean };

/** `issuance [--seconds 10] [--warm-up 2] [--keys rsa2048,rsa4096,p256] [--profile]`; profiling slows what it looks at. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...COMMON, profile: { type: 'boolean', default: false } },
  });
  const options = {
    seconds: positive(values.seconds),
    warmUpSeconds: positive(values['warm-up']),
    profile: values.profile,
  };
  const figures: Figure[] = [];
  for (const key of caKeys(values.keys)) figures.push(...(await measureKey(key, options)));
  remark('');
  table([['figure', 'value', 'unit'], ...figures.map(({ name, value, unit }) => [name, value, unit])]);
}

async function measureKey(key: CaKey, options: Options): Promise<readonly Figure[]> {
  remark(`${key}: a hierarchy, a database, and every role of the service`);
  const cluster = await startDurableCluster();
  atEnd(() => cluster.stop());
  const stage = await preparePlace(key, cluster);
  const profiles = join(stage.directory, 'profiles', String(process.pid));
  const profiling = options.profile ? { options: profileOptions(profiles) } : {};
  const service = await startService({ stage, root: ROOT, ...profiling });
  atEnd(() => service.stop());
  const { figures, together } = await Promise.race([measureService(key, stage, options), service.failed]);
  tellProcesses(together, service.roles, postmasterOf(cluster));
  await service.stop();
  if (options.profile) tellProfiles(together, service.roles, profiles);
  await cluster.stop();
  return figures;
}

const postmasterOf = ({ directory }: Cluster): number =>
  Number.parseInt(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8'), 10);

type Result = { readonly figures: readonly Figure[]; readonly together: Measured };

async function measureService(key: CaKey, stage: Stage, options: Options): Promise<Result> {
  const figures: Figure[] = [];
  const figure = (name: string, value: number, unit: string): void => {
    figures.push({ name, value, unit });
    say({ name, value, unit });
  };
  const alone = await order(stage, { ...options, callers: 1 });
  figure(`issuance.${key}.c1.rate`, rateOf(alone), '1/s');
  const together = await order(stage, { ...options, callers: CALLERS });
  figure(`issuance.${key}.c16.rate`, rateOf(together), '1/s');
  figure(`issuance.${key}.c16.p99`, percentile(together.latencies, 0.99), 'ms');
  const raw = await rawSignature(stage, { ...options, callers: 1 });
  figure(`issuance.${key}.cpu`, cpuOf(together) - raw.cpu, 'µs');
  const signed = await sign(stage, { ...options, callers: CALLERS });
  figure(`signer.${key}.rate`, rateOf(signed), '1/s');
  const share = (rateOf(together) / rateOf(signed)).toFixed(2);
  remark(`${key}: issuance reaches ${share} of the signer’s rate; a raw signature takes ${Math.round(raw.cpu)} µs`);
  return { figures, together };
}
