// igc alarms: what needs a person now, and what did before. An alarm ends by itself once what it tells of is over; a person may say
// that it is known, or end one that nothing will find right any more.

import { type Command, InvalidArgumentError } from 'commander';
import { type Alarm, acknowledgeAlarm, endAlarmById, findAlarm, listAlarms } from '#db/alarms.ts';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows, say } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const LIST_HELP = `
States: open, acknowledged (open, and a person knows), ended. docs/operations.md says what each kind means and what to do.

Examples:
  $ igc alarms list
  $ igc alarms list --all --json | jq -r 'select(.kind == "list_stale") | .raisedAt'
`;

const ACKNOWLEDGE_HELP = `
The alarm stays open, under your name, until what it tells of is over.

Examples:
  $ igc alarms acknowledge 12
`;

const CLEAR_HELP = `
For an alarm that nothing will find right any more, as of a job that was given up. What is still wrong raises a new one.

Examples:
  $ igc alarms clear 12 --dry-run
`;

const COLUMNS = ['id', 'state', 'kind', 'about', 'raisedAt', 'lastSeenAt', 'times', 'detail'] as const;

/** Adds `igc alarms`. */
export function addAlarmCommands(program: Command): void {
  const alarms = program.command('alarms').description('what needs a person');
  alarms
    .command('list')
    .description('open alarms, the newest first')
    .option('--all', 'also those that are over')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  for (const [name, description, help, act] of [
    ['acknowledge', 'say that a person knows', ACKNOWLEDGE_HELP, acknowledge],
    ['clear', 'end an alarm by hand', CLEAR_HELP, clear],
  ] as const) {
    alarms
      .command(name)
      .description(description)
      .argument('<id>', 'as `igc alarms list` prints it', alarmId)
      .option(...DRY_RUN)
      .option('--json', 'one JSON document on stdout')
      .addHelpText('after', help)
      .action(act);
  }
}

function alarmId(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('the number of an alarm');
  return BigInt(text);
}

/** More alarms than this are not listed at once. */
const MOST = 1_000;

async function list({ all = false, json }: { all?: boolean; json?: boolean }): Promise<void> {
  const alarms = await withSystem(({ db }) => listAlarms(db.read, { ended: all, limit: MOST }));
  printRows(alarms.map(rowOf), COLUMNS, { json });
  if (alarms.length === MOST) say(`these are the newest ${MOST}; there may be more`);
}

type ActOptions = { readonly dryRun?: true; readonly json?: true };

const acknowledge = (id: bigint, options: ActOptions): Promise<void> =>
  act(id, options, {
    kind: 'alarm_acknowledged',
    change: (tx, { clock }) => acknowledgeAlarm(tx, id, { at: clock(), by: actorText(operator()) }),
  });

const clear = (id: bigint, options: ActOptions): Promise<void> =>
  act(id, options, { kind: 'alarm_cleared', change: (tx, { clock }) => endAlarmById(tx, id, clock()) });

type Act = {
  readonly kind: 'alarm_acknowledged' | 'alarm_cleared';
  readonly change: (tx: Tx, system: OpenSystem) => Promise<Alarm | undefined>;
};

/** If we stop before the commit, nothing has changed: the alarm and its audit row go together. */
async function act(id: bigint, options: ActOptions, { kind, change }: Act): Promise<void> {
  const { alarm, changed } = await withRehearsal(options, (system) =>
    system.db.transaction(async (tx) => {
      const changed = await change(tx, system);
      const alarm = changed ?? (await findAlarm(tx, id));
      if (alarm === undefined) throw new Refusal('not_found', `there is no alarm ${id}`);
      if (changed !== undefined) await audit(tx, system, { kind, alarm });
      return { alarm, changed: changed !== undefined };
    }),
  );
  if (!changed) say('nothing was to be done: it is so already');
  printDocument(marked(rowOf(alarm), options), options);
}

const audit = (tx: Tx, { clock }: OpenSystem, { kind, alarm }: { kind: Act['kind']; alarm: Alarm }): Promise<void> =>
  appendAudit(tx, {
    kind,
    actor: actorText(operator()),
    subjectId: `alarm/${alarm.id}`,
    at: clock(),
    content: { kind: alarm.kind, about: alarm.subject },
  });

const stateOf = ({ clearedAt, acknowledgedAt }: Alarm): 'open' | 'acknowledged' | 'ended' => {
  if (clearedAt !== undefined) return 'ended';
  return acknowledgedAt === undefined ? 'open' : 'acknowledged';
};

const rowOf = (alarm: Alarm) => ({
  id: String(alarm.id),
  state: stateOf(alarm),
  kind: alarm.kind,
  about: alarm.subject,
  raisedAt: alarm.raisedAt.toISOString(),
  lastSeenAt: alarm.lastSeenAt.toISOString(),
  clearedAt: alarm.clearedAt?.toISOString() ?? null,
  times: alarm.times,
  acknowledgedBy: alarm.acknowledgedBy ?? null,
  detail: alarm.detail,
});
