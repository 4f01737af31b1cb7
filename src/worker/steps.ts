// What the worker does without anyone asking: each step is run by a loop of its own, which is the guarantee, and by the schedule,
// which shows among the jobs when it was due and whether it failed.

import type { SignerHealth } from '#hsm/client.ts';
import { recoverCertificates } from '../ca/recover.ts';
import { destroyEndedResponders, renewOcspResponders } from '../ca/renew-responders.ts';
import { publishDueCrls } from '../crl/due.ts';
import { recoverCrls } from '../crl/recover.ts';
import { Outage } from '../errors.ts';
import { createPatience, type Patience } from '../patience.ts';
import type { System } from '../system.ts';

/** Burns the rows that a stopped process had left. */
export async function recoverRows(system: System): Promise<void> {
  tellRecovered(system, 'certificate', await recoverCertificates(system));
  tellRecovered(system, 'crl', await recoverCrls(system));
}

/** Whoever began these rows ended badly, and somebody may have asked for them: worth a line. */
function tellRecovered({ meter, log }: System, kind: 'certificate' | 'crl', count: number): void {
  if (count === 0) return;
  meter.recovered(kind, count);
  log.warn({ kind, count }, 'rows that a stopped process had left were burnt');
}

/** Makes the responders that are due, and destroys the keys of those that ended. */
export async function renewResponders(system: System, patience: Patience = createPatience()): Promise<void> {
  await renewOcspResponders(system, patience);
  await destroyEndedResponders(system);
}

/** Publishes the lists that are due. No CRL number is spent on a token that is known to be away. */
export async function publishLists(system: System, patience: Patience): Promise<void> {
  if (maySign(await system.issuing.health())) await publishDueCrls(system, system.issuing, patience);
}

/** The same for the schedule: a token that is away is a failure of the run, so that it is seen. */
export async function publishListsOrFail(system: System): Promise<void> {
  if (!maySign(await system.issuing.health())) throw new Outage('hsm', 'the issuing token is away');
  await publishDueCrls(system, system.issuing);
}

const maySign = ({ state, breaker }: SignerHealth): boolean => state === 'open' && breaker !== 'open';
