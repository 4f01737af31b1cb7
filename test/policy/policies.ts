// The real policies, as every test of a decision uses them.

import { join } from 'node:path';
import { loadPolicies } from '../../src/policy/load.ts';
import type { Profile } from '../../src/policy/profile.ts';

export const POLICIES_DIRECTORY = join(import.meta.dirname, '../../policies');
export const policies = loadPolicies(POLICIES_DIRECTORY);

export function profileOf(name: string): Profile {
  const profile = policies.profiles.get(name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}
