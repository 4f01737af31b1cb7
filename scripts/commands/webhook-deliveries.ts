// igc webhook deliveries, redeliver, drop: what a webhook was told, what waits for it, and what it will never be told.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import { WEBHOOK_DELIVERY_STATES } from '#db/schema/webhooks.ts';
import {
  dropDeliveries,
  listDeliveries,
  redeliver,
  type WebhookDelivery,
  type WebhookDeliveryState,
} from '#db/webhook-deliveries.ts';
import { findWebhook } from '#db/webhooks.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import { GIVE_UP_MS } from '../../src/webhooks/back-off.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows, say } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';
import { type ShownOptions, webhookId } from './webhook.ts';

const DELIVERIES_HELP = `
Examples:
  $ igc webhook deliveries 0199aa00-0000-7000-8000-000000000000 --state given_up
`;

const REDELIVER_HELP = `
Without --delivery, what was given up; with it, this one in whatever state. It comes under the same id as before, so a receiver that has it
already drops it.

Examples:
  $ igc webhook redeliver 0199aa00-0000-7000-8000-000000000000
  $ igc webhook redeliver 0199aa00-0000-7000-8000-000000000000 --delivery 4711 --dry-run
`;

const DROP_HELP = `
Without --delivery, all that was given up; with it, this one of them. The alarm webhook_given_up ends when nothing is left that was.

Examples:
  $ igc webhook drop 0199aa00-0000-7000-8000-000000000000
  $ igc webhook drop 0199aa00-0000-7000-8000-000000000000 --delivery 4711
`;

/** More than these are not listed at once. */
const MOST = 1_000;
const COLUMNS = ['id', 'state', 'event', 'certificate', 'attempts', 'status', 'nextAt', 'settledAt'] as const;

/** Adds `deliveries`, `redeliver` and `drop` to `igc webhook`. */
export function addDeliveryCommands(webhook: Command): void {
  webhook
    .command('deliveries')
    .description('what it was told, the newest first')
    .argument('<id>', 'as `igc webhook list` prints it', webhookId)
    .addOption(new Option('--state <state>', 'only such').choices(WEBHOOK_DELIVERY_STATES))
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', DELIVERIES_HELP)
    .action(deliveries);
  for (const [name, description, help, act] of [
    ['redeliver', 'tell it again', REDELIVER_HELP, again],
    ['drop', 'let go of what was given up', DROP_HELP, drop],
  ] as const)
    webhook
      .command(name)
      .description(description)
      .argument('<id>', 'as `igc webhook list` prints it', webhookId)
      .option('--delivery <number>', 'as `igc webhook deliveries` prints it', deliveryId)
      .option(...DRY_RUN)
      .option('--json', 'one JSON document on stdout')
      .addHelpText('after', help)
      .action(act);
}

function deliveryId(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('the number of a delivery');
  return BigInt(text);
}

type ListOptions = { readonly state?: WebhookDeliveryState; readonly json?: true };

async function deliveries(id: string, options: ListOptions): Promise<void> {
  const rows = await withSystem(async ({ db }) => {
    if ((await findWebhook(db.read, id)) === undefined) throw new Refusal('not_found', `there is no webhook ${id}`);
    return await listDeliveries(db.read, id, { state: options.state, limit: MOST });
  });
  printRows(rows.map(rowOf), COLUMNS, options);
  if (rows.length === MOST) say(`these are the newest ${MOST}; there may be more`);
}

const rowOf = (row: WebhookDelivery) => ({
  id: String(row.id),
  state: row.state,
  event: row.threshold === undefined ? row.event : `${row.event} ${row.threshold}`,
  certificate: row.certificateId,
  occurredAt: row.occurredAt.toISOString(),
  attempts: row.attempt,
  status: row.lastStatus ?? null,
  nextAt: row.state === 'pending' ? row.nextAt.toISOString() : null,
  settledAt: row.settledAt?.toISOString() ?? null,
});

type ChosenOptions = ShownOptions & { readonly delivery?: bigint };

async function again(id: string, options: ChosenOptions): Promise<void> {
  const waiting = await change(id, options, {
    kind: 'webhook_redelivered',
    act: (tx, at) => redeliver(tx, id, { at, giveUpAt: new Date(at.getTime() + GIVE_UP_MS), id: options.delivery }),
  });
  printDocument(marked({ id, waiting }, options), options);
}

async function drop(id: string, options: ChosenOptions): Promise<void> {
  const dropped = await change(id, options, {
    kind: 'webhook_dropped',
    act: (tx, at) => dropDeliveries(tx, id, { at, id: options.delivery }),
  });
  printDocument(marked({ id, dropped }, options), options);
}

type Change = {
  readonly kind: 'webhook_redelivered' | 'webhook_dropped';
  /** answers how many deliveries it changed */
  act(tx: Tx, at: Date): Promise<number>;
};

/** Does it in one transaction with its audit row. Throws Refusal `not_found`, also when there is no such delivery. */
const change = (id: string, options: ChosenOptions, { kind, act }: Change): Promise<number> =>
  withRehearsal(options, ({ db, clock }) =>
    db.transaction(async (tx) => {
      if ((await findWebhook(tx, id)) === undefined) throw new Refusal('not_found', `there is no webhook ${id}`);
      const at = clock();
      const count = await act(tx, at);
      if (count === 0 && options.delivery !== undefined) throw new Refusal('not_found', 'there is no such delivery');
      const audited = { kind, actor: actorText(operator()), subjectId: `webhook/${id}`, at };
      if (count > 0) await appendAudit(tx, { ...audited, content: { deliveries: count } });
      return count;
    }),
  );
