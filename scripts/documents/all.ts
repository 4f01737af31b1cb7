// Every document that is written from the policies, by its path under the project.

import { join } from 'node:path';
import { loadPolicies } from '../../src/policy/load.ts';
import { comparisonPage } from './comparison.ts';
import { dumpOf } from './dump.ts';
import { profilesPage } from './profiles-page.ts';

const DIRECTORY = join(import.meta.dirname, '../../policies');

/** Path and text of each, from `policies/`. */
export function documents(): ReadonlyMap<string, string> {
  const policies = loadPolicies(DIRECTORY);
  const dumps = [...policies.profiles.values()].map(
    (profile) => [`policies/dumps/${profile.name}.txt`, dumpOf(profile, policies)] as const,
  );
  return new Map([
    ...dumps,
    ['docs/profiles.md', profilesPage(policies)],
    ['docs/comparison.md', comparisonPage({ directory: DIRECTORY, policies })],
  ]);
}
