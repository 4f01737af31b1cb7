// Carries alarms to a channel: each event, raised and cleared, until the channel has taken it, in the order of their coming. The rows
// are the queue, so nothing is lost with a process; an event may come twice when one ends between the telling and its note.

import { listUndelivered, recordDelivery, type UndeliveredAlarm } from '#db/alarms.ts';
import { acquireLease } from '#db/leases.ts';
import type { Patience } from '../patience.ts';
import type { Needs } from '../system.ts';

/** `refused`: this event was not taken, others may be. `away`: nobody is there, so no other is tried now. */
export type Told = 'told' | 'refused' | 'away';

export type Channel = {
  /** snake_case, at most 32 characters; it names the channel's rows, so it never changes */
  readonly name: string;
  /** tells one event; has a deadline of its own and never throws */
  send(alarm: UndeliveredAlarm): Promise<Told>;
};

type Delivering = {
  readonly channel: Channel;
  /** differs between processes */
  readonly holder: string;
  /** kept between two runs: a pause for each event that was refused, and for a channel that is away */
  readonly patience: Patience;
};

const DAY = 86_400_000;
/** What is over for so long is not told any more. */
const TOLD_WITHIN_MS = 7 * DAY;
const BATCH = 100;
/** Longer than one call takes, after each of which it is prolonged; a killed worker's turn is over when it runs out. */
const LEASE_MS = 30_000;

/** Tells a channel what it has not been told; answers how many events, or undefined while another process does. Outage when the database is away. */
export async function deliverAlarms(
  system: Needs<'db' | 'clock'>,
  { channel, holder, patience }: Delivering,
): Promise<number | undefined> {
  const { db, clock } = system;
  if (!patience.mayTry(channel.name)) return undefined;
  const lease = `alarms:${channel.name}`;
  if ((await acquireLease(db.read, lease, holder, LEASE_MS)) === undefined) return undefined;
  const since = new Date(clock().getTime() - TOLD_WITHIN_MS);
  const waiting = new Set<bigint>();
  let told = 0;
  for (const alarm of await listUndelivered(db.read, channel.name, { since, limit: BATCH })) {
    // That it is over is told after that it was raised, never before.
    const outcome = waiting.has(alarm.id) ? 'refused' : await tell({ channel, patience }, alarm);
    if (outcome === 'away') return told;
    if (outcome === 'refused') waiting.add(alarm.id);
    else {
      // If we stop before this line, the next one tells it again.
      const { id: alarmId, event } = alarm;
      await recordDelivery(db.read, { alarmId, event, channel: channel.name, deliveredAt: clock() });
      told += 1;
    }
    if ((await acquireLease(db.read, lease, holder, LEASE_MS)) === undefined) return told;
  }
  return told;
}

async function tell(
  { channel, patience }: Pick<Delivering, 'channel' | 'patience'>,
  alarm: UndeliveredAlarm,
): Promise<Told> {
  const id = `${alarm.id} ${alarm.event}`;
  if (!patience.mayTry(id)) return 'refused';
  const outcome = await channel.send(alarm);
  if (outcome === 'refused') patience.failed(id);
  else patience.succeeded(id);
  if (outcome === 'away') patience.failed(channel.name);
  else patience.succeeded(channel.name);
  return outcome;
}
