// How long each step of an issuance took and how it ended, told to the meter. It watches the issuance, and changes nothing of it.

import { Outage, Refusal } from '../errors.ts';
import { type IssuanceOutcome, type IssuanceStep, secondsSince } from '../meter.ts';
import type { Needs } from '../system.ts';

/** Runs one step; what it throws goes on. */
export type Step = <T>(name: IssuanceStep, act: () => Promise<T>) => Promise<T>;

type Meters = Needs<'meter' | 'policies'>;

/** What a caller typed is no label. */
const labelOf = ({ policies }: Meters, profile: string): string =>
  policies.profiles.has(profile) ? profile : 'unknown';

/** Runs what comes before an issuance; a Refusal that it throws counts as one of the issuance, and goes on. */
export async function refusalsCounted<T>(system: Meters, profile: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) system.meter.issuance(labelOf(system, profile), 'refused', error.code);
    throw error;
  }
}

/** Runs an issuance of `profile`, which names its steps by the Step that it is given. */
export async function measureIssuance<T>(system: Meters, profile: string, act: (step: Step) => Promise<T>): Promise<T> {
  const { meter } = system;
  const label = labelOf(system, profile);
  let last: IssuanceStep = 'decide';
  const step: Step = async (name, part) => {
    last = name;
    const began = performance.now();
    try {
      return await part();
    } finally {
      meter.issuanceStep(name, secondsSince(began));
    }
  };
  try {
    const issued = await act(step);
    meter.issuance(label, 'issued');
    return issued;
  } catch (error) {
    const outcome = outcomeOf(last, error);
    if (outcome === 'refused' && error instanceof Refusal) meter.issuance(label, outcome, error.code);
    else meter.issuance(label, outcome);
    throw error;
  }
}

/** What a failure at this step leaves behind, as issue.ts settles it; a row that it could not settle is burnt by recovery. */
function outcomeOf(step: IssuanceStep, error: unknown): IssuanceOutcome {
  const certainlyUnsigned = error instanceof Refusal || (error instanceof Outage && error.signature === 'none');
  if (step === 'sign') return certainlyUnsigned ? 'unsigned' : 'burnt';
  if (step === 'record_result') return 'unsettled';
  if (error instanceof Refusal) return 'refused';
  return error instanceof Outage ? 'unavailable' : 'failed';
}
