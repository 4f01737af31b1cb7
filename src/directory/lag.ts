// How far the directory is behind, for metrics, for operators, and for the alarm when nobody looks.

import { countLooks, pendingSummary, readDirectoryProgress } from '#db/directory.ts';
import { feedRowsBeyond } from '#db/gauges.ts';
import { clearAlarm, raiseAlarm } from '../alarms/raise.ts';
import type { Needs } from '../system.ts';

export type DirectoryLag = {
  /** rows of the feed that the directory has not followed, and looks that it has not taken, counted up to `MOST_ROWS` */
  readonly rows: number;
  /** entries that the directory refused and is asked again to take */
  readonly refused: number;
  readonly refusedSince?: Date;
  /** LDAP result codes and words of ours */
  readonly reasons: readonly string[];
  /** when it last had everything but what it refuses; absent before the first time */
  readonly completeAt?: Date;
  /** since when a list waits for a directory that is away */
  readonly awaySince?: Date;
};

/** Beyond this it does not matter how many more there are. */
const MOST_ROWS = 100_000;
/** Longer than a restart of a directory, shorter than anyone would wait for a certificate. */
const LATE_MS = 10 * 60_000;
const REFUSED_MS = 60 * 60_000;

/** What the database knows of it; LDAP is not asked. */
export async function directoryLag({ db }: Needs<'db'>): Promise<DirectoryLag> {
  const { cursor, completeAt } = await readDirectoryProgress(db.read);
  const { entries, oldest, reasons, awaySince } = await pendingSummary(db.read);
  const behind = await feedRowsBeyond(db.read, cursor, MOST_ROWS);
  return {
    ...{ rows: behind + (await countLooks(db.read, MOST_ROWS - behind)), refused: entries, reasons },
    ...(oldest !== undefined && { refusedSince: oldest }),
    ...(completeAt !== undefined && { completeAt }),
    ...(awaySince !== undefined && { awaySince }),
  };
}

const SUBJECT = { late: 'directory', refused: 'refused entries' } as const;

/** Raises directory_behind while the directory is late or refuses entries for long, and clears it afterwards. `since`: when we began to look. */
export async function watchDirectory(system: Needs<'db' | 'log' | 'clock'>, since: Date): Promise<void> {
  const lag = await directoryLag(system);
  const now = system.clock().getTime();
  const holdersFrom = Math.max(lag.completeAt?.getTime() ?? 0, since.getTime());
  // a directory to which nothing is to be written but a list has everything of the holders
  const listsFrom = Math.max(lag.awaySince?.getTime() ?? now, since.getTime());
  const late = now - Math.min(holdersFrom, listsFrom) > LATE_MS;
  const last = lag.completeAt === undefined ? 'never before' : `last at ${lag.completeAt.toISOString()}`;
  await tell(system, {
    ...{ wrong: late, subject: SUBJECT.late },
    detail: `the directory does not have everything, ${last}; ${lag.rows} rows wait${lag.awaySince === undefined ? '' : ', and lists'}`,
  });
  await tell(system, {
    wrong: lag.refusedSince !== undefined && now - lag.refusedSince.getTime() > REFUSED_MS,
    subject: SUBJECT.refused,
    detail: `the directory refuses ${lag.refused} entries: ${lag.reasons.join(', ')}`,
  });
}

async function tell(
  system: Needs<'db' | 'log' | 'clock'>,
  { wrong, subject, detail }: { readonly wrong: boolean; readonly subject: string; readonly detail: string },
): Promise<void> {
  const alarm = { kind: 'directory_behind', subject } as const;
  if (wrong) await raiseAlarm(system, { ...alarm, detail });
  else await clearAlarm(system, alarm);
}
