// igc webhook deliveries, redeliver: what a webhook was told and what waits for it.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { appendAudit } from '#db/audit.ts';
import { WEBHOOK_DELIVERY_STATES } from '#db/schema/webhooks.ts';
import { listDeliveries, redeliver, type WebhookDelivery, type WebhookDeliveryState } from '#db/webhook-deliveries.ts';
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
Without --delivery, what was given up; with it, this one in whatever state. It comes under the same igc-event-id as before, so a receiver
that has it already drops it.

Examples:
  $ igc webhook redeliver 0199aa00-0000-7000-8000-000000000000
  $ igc webhook redeliver 0199aa00-0000-7000-8000-000000000000 --delivery 4711 --dry-run
`;

/** More than these are not listed at once. */
const MOST = 1_000;
const COLUMNS = ['id', 'state', 'event', 'certificate', 'attempts', 'status', 'nextAt', 'settledAt'] as const;

/** Adds `deliveries` and `redeliver` to `igc webhook`. */
export function addDeliveryCommands(webhook: Command): void {
  webhook
    .command('deliveries')
    .description('what it was told, the newest first')
    .argument('<id>', 'as `igc webhook list` prints it', webhookId)
    .addOption(new Option('--state <state>', 'only such').choices(WEBHOOK_DELIVERY_STATES))
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', DELIVERIES_HELP)
    .action(deliveries);
  webhook
    .command('redeliver')
    .description('tell it again')
    .argument('<id>', 'as `igc webhook list` prints it', webhookId)
    .option('--delivery <number>', 'as `igc webhook deliveries` prints it', deliveryId)
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', REDELIVER_HELP)
    .action(again);
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

async function again(id: string, options: ShownOptions & { readonly delivery?: bigint }): Promise<void> {
  const waiting = await withRehearsal(options, ({ db, clock }) =>
    db.transaction(async (tx) => {
      if ((await findWebhook(tx, id)) === undefined) throw new Refusal('not_found', `there is no webhook ${id}`);
      const at = clock();
      const giveUpAt = new Date(at.getTime() + GIVE_UP_MS);
      const count = await redeliver(tx, id, { at, giveUpAt, id: options.delivery });
      const audited = { kind: 'webhook_redelivered', actor: actorText(operator()), subjectId: `webhook/${id}`, at };
      if (count > 0) await appendAudit(tx, { ...audited, content: { deliveries: count } });
      return count;
    }),
  );
  if (waiting === 0 && options.delivery !== undefined) throw new Refusal('not_found', 'there is no such delivery');
  printDocument(marked({ id, waiting }, options), options);
}
