// Settles CRL numbers that a stopped publisher left in `signing`: the number stays used, and nobody ever reads that list.

import { burnCrl, staleCrlIntents } from '#db/crls.ts';
import type { Needs } from '../system.ts';

/** Burns every CRL row that has been `signing` for more than twice the signing deadline; answers how many. */
export async function recoverCrls(system: Needs<'db' | 'config'>): Promise<number> {
  const stale = await staleCrlIntents(system.db.read, 2 * system.config.SIGNING_DEADLINE_MS);
  for (const { issuer, number } of stale) await system.db.transaction((tx) => burnCrl(tx, issuer, number));
  return stale.length;
}
