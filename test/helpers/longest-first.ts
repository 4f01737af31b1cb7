// The order of test files in a run: a long file that starts last leaves the other workers idle, and a clean checkout knows of no
// earlier run.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than ten seconds on two cores, the longest first. One that is missing here only ends later than it could. */
export const LONGEST = [
  'scripts/demo.test.ts',
  // needs no hierarchy, which the first that asks for it makes in half a minute
  'scripts/hierarchy-killed.test.ts',
  'scripts/demo-serve.test.ts',
  'faults/dead-worker.test.ts',
  'faults/copies.test.ts',
  'judges/judges.test.ts',
  'faults/token.test.ts',
  'directory/authorities.test.ts',
  'roles/lifecycle.test.ts',
  'faults/database.test.ts',
  'faults/crash-issuance.test.ts',
  'faults/crash-worker.test.ts',
  'scripts/hierarchy.test.ts',
  'roles/tls-renewal.test.ts',
  'observer/observe.test.ts',
  'directory/publish.test.ts',
  'journeys/main-job.test.ts',
  'faults/slow-clients.test.ts',
  'scripts/operators.test.ts',
  'roles/refuse-to-start.test.ts',
  'faults/crash-random.test.ts',
  'faults/crash-notices.test.ts',
  'deployment/accounts.test.ts',
  'roles/responder-renewal.test.ts',
  'scripts/cluster.test.ts',
  'worker/worker.test.ts',
  'faults/two-versions.test.ts',
  'metrics/service.test.ts',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const at = LONGEST.findIndex((file) => moduleId.endsWith(`/test/${file}`));
  return at < 0 ? LONGEST.length : at;
};

/** The longest files first, the others as vitest sorts them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
