// Settles what a stopped process left behind: rows in `signing` that no living request can still be working on.

import { staleIntents } from '#db/certificates.ts';
import type { Needs } from '../system.ts';
import { burnCertificate } from './burn.ts';

/**
 * Burns every row that has been `signing` for more than twice the signing deadline; answers how many.
 * One transaction a row: if we stop between two, the next run goes on. The request that loses this race answers Outage.
 */
export async function recoverCertificates(system: Needs<'db' | 'clock' | 'config'>): Promise<number> {
  const stale = await staleIntents(system.db.read, 2 * system.config.SIGNING_DEADLINE_MS);
  let burnt = 0;
  for (const { id } of stale) {
    const settled = await system.db.transaction((tx) =>
      burnCertificate(tx, { id, actor: 'system:recovery', at: system.clock() }),
    );
    if (settled) burnt += 1;
  }
  return burnt;
}
