// The schedule's own look at every intermediate: freshness never rests on a single job surviving.

import { latestScheduledUpdate } from '#db/crls.ts';
import type { Signer } from '#hsm/client.ts';
import { type PublishNeeds, publishCrl } from './publish.ts';
import { isCrlDue } from './schedule.ts';

/** Publishes the CRL of each intermediate whose last one is due; answers the ids. One that fails does not hold the others. */
export async function publishDueCrls(system: PublishNeeds, signer: Pick<Signer, 'sign'>): Promise<readonly string[]> {
  const published: string[] = [];
  const failures: unknown[] = [];
  for (const authority of system.authorities.values()) {
    if (authority.kind === 'root') continue;
    try {
      const last = await latestScheduledUpdate(system.db.read, authority.id);
      if (!isCrlDue(system.policies.hierarchy, authority, last, system.clock())) continue;
      if ((await publishCrl(system, authority.id, signer)) !== undefined) published.push(authority.id);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return published;
}
