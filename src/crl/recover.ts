// Settles CRL numbers that a stopped publisher left in `signing`: the number stays used, and nobody ever reads that list.

import { staleCrlIntents } from '#db/crls.ts';
import type { Needs } from '../system.ts';
import { burnCrl } from './burn.ts';

/** Burns every CRL row that has been `signing` for more than twice the signing deadline; answers how many. */
export async function recoverCrls(system: Needs<'db' | 'clock' | 'config'>): Promise<number> {
  let burnt = 0;
  for (const stale of await staleCrlIntents(system.db.read, 2 * system.config.SIGNING_DEADLINE_MS)) {
    if (await burnCrl(system, stale)) burnt += 1;
  }
  return burnt;
}
