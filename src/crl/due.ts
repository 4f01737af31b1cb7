// The schedule's own look at every intermediate: freshness never rests on a single job surviving.

import { latestScheduledUpdate } from '#db/crls.ts';
import { mayBeUnlisted } from '#db/revocations.ts';
import type { Signer } from '#hsm/client.ts';
import type { Authority } from '../authority.ts';
import { createPatience, type Patience } from '../patience.ts';
import { type PublishNeeds, publishNeededCrl } from './publish.ts';
import { isCrlDue } from './schedule.ts';

/** After a comparison of the whole list that found nothing new; a revocation has a job of its own, so this delays none but a lost one. */
const REST_MS = 20_000;

/**
 * Publishes the CRL of each intermediate whose last one is due, or lacks a revocation (its job died with a worker, or came while
 * another publisher had read the entries already); answers the ids. One that fails does not hold the others.
 */
export async function publishDueCrls(
  system: PublishNeeds,
  signer: Pick<Signer, 'sign'>,
  patience: Patience = createPatience(),
): Promise<readonly string[]> {
  const published: string[] = [];
  const failures: unknown[] = [];
  for (const authority of system.authorities.values()) {
    if (authority.kind === 'root' || !patience.mayTry(authority.id)) continue;
    try {
      const outcome = (await mayBeNeeded(system, authority))
        ? await publishNeededCrl(system, authority.id, signer)
        : undefined;
      // Who holds the lease may have died: the next look asks again. Who compared and found nothing new rests.
      if (outcome === 'held') continue;
      patience.succeeded(authority.id);
      if (outcome === 'unneeded') patience.rest(authority.id, REST_MS);
      else if (outcome !== undefined) published.push(authority.id);
    } catch (error) {
      patience.failed(authority.id);
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return published;
}

/** Two cheap questions; the exact one is asked under the lease. */
async function mayBeNeeded({ db, policies, clock }: PublishNeeds, authority: Authority): Promise<boolean> {
  const last = await latestScheduledUpdate(db.read, authority.id);
  return isCrlDue(policies.hierarchy, authority, last, clock()) || (await mayBeUnlisted(db.read, authority.id));
}
