// What notices cost where there are ten million certificates, and what becomes of a hundred thousand mails whose senders are killed.

import { parseArgs } from 'node:util';
import { sql } from 'drizzle-orm';
import { migrateDatabase } from '#db/migrate.ts';
import { atEnd } from '../scripts/demo/ending.ts';
import type { Stage } from '../scripts/demo/stage.ts';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { loadPolicies } from '../src/policy/load.ts';
import { openForLoad } from './bulk-load.ts';
import { type Figure, remark, say, table } from './figures.ts';
import { measureDue } from './notice-due.ts';
import { sendAndKill, sendingPolicies } from './notice-kills.ts';
import { fillNoticeRows } from './notice-rows.ts';
import { preparePlace, startDurableCluster } from './place.ts';

const OPTIONS = {
  certificates: { type: 'string', default: '10000000' },
  mails: { type: 'string', default: '100000' },
  kills: { type: 'string', default: '50' },
  workers: { type: 'string', default: '6' },
  rows: { type: 'string' },
} as const;

/** Five thresholds of a certificate that lives for 1,096 days, and about two mails for each. */
const mailsADay = (certificates: number): number => (5 * 2 * certificates) / 1_096;
/** A mail that waits for longer than from the threshold of 7 days to that of 1 is overtaken. */
const MOST_DAYS = 5;

/**
 * `notices [--certificates 10000000] [--mails 100000] [--kills 50] [--workers 6] [--rows folder]`: the folder keeps the database for
 * the next run; `--mails 0` sends none. Throws when a mail was lost, or more came twice than workers were killed.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const [certificates, mails, kills, workers] = [
    wholeNumber(values.certificates),
    wholeNumber(values.mails),
    wholeNumber(values.kills),
    wholeNumber(values.workers),
  ];
  const cluster = await startDurableCluster(values.rows);
  atEnd(() => cluster.stop());
  await migrateDatabase(cluster.url);
  const db = openForLoad(cluster.url);
  atEnd(() => db.close());
  const { rows } = await db.read.execute(sql`select from certificate where actor = 'operator:bench' limit 1`);
  if (rows.length === 0) await fillNoticeRows(cluster.url, certificates);
  const stage = sendingPolicies(await preparePlace('p256', cluster));
  const figures: Figure[] = [];
  const figure = (name: string, value: number, unit: string): void => {
    figures.push({ name, value, unit });
    say({ name, value, unit });
  };
  const days = Math.min(MOST_DAYS, Math.max(1, Math.ceil(mails / mailsADay(certificates))));
  const due = await measureDue({ db, ...partsOf(stage) }, new Date(), days);
  figure('notices.certificates', certificates, '1');
  figure('notices.due', due.found, '1');
  figure('notices.due.seconds', due.due, 's');
  figure('notices.record.rate', due.rate, '1/s');
  figure('notices.idle.seconds', due.idle, 's');
  const sent = mails === 0 ? undefined : await sendAndKill({ stage, db }, { mails, kills, workers });
  if (sent !== undefined) {
    figure('notices.mails', sent.mails, '1');
    figure('notices.kills', sent.kills, '1');
    figure('notices.lost', sent.lost, '1');
    figure('notices.twice', sent.twice, '1');
    figure('notices.messageids', sent.messageIds, '1');
    figure('notices.send.rate', sent.rate, '1/s');
  }
  remark('');
  table([['figure', 'value', 'unit'], ...figures.map(({ name, value, unit }) => [name, value, unit])]);
  if (sent !== undefined && (sent.lost > 0 || sent.twice > sent.kills || sent.messageIds !== 1))
    throw new Error('a mail was lost, or came more often than a dead worker explains');
}

function partsOf({ environment }: Stage) {
  const config = loadConfig({ ...environment, LOG_LEVEL: 'silent' });
  return { policies: loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY), log: createLog(config, 'bench') };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${text} is no whole number`);
  return Number(text);
}
