// What `igc webhook` does with one webhook. Each act and its audit row are one transaction; secrets are printed and never written.

import { CommanderError } from 'commander';
import { uuidv7 } from 'uuidv7';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import { WEBHOOK_EVENTS } from '#db/schema/webhooks.ts';
import { findStructure } from '#db/structures.ts';
import {
  disableWebhook,
  enableWebhook,
  findWebhook,
  listWebhooks,
  type NewWebhook,
  recordWebhook,
  removeWebhook,
  rotateWebhookSecret,
  type Webhook,
} from '#db/webhooks.ts';
import { actorText } from '../../src/actor.ts';
import { isWebhookUrl } from '../../src/config.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { GIVE_UP_MS } from '../../src/webhooks/back-off.ts';
import { pingWebhook } from '../../src/webhooks/ping.ts';
import { readMasterSecret, webhookSecret } from '../../src/webhooks/secret.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows, say } from './output.ts';
import { marked, withRehearsal } from './rehearsal.ts';
import type { AddOptions, ShownOptions } from './webhook.ts';

const DAY_MS = 86_400_000;

/** Records a webhook and prints it with its secret. */
export async function add(options: AddOptions): Promise<void> {
  if (!isWebhookUrl(options.url)) throw new Refusal('name_not_allowed', 'nobody is told anything there', [URL_RULE]);
  const { row, secret } = await withRehearsal(options, async (system) => {
    // before the row: a webhook whose secret nobody can say is none
    const master = readMasterSecret(system.config);
    const row: NewWebhook = {
      id: uuidv7(),
      url: new URL(options.url).href,
      ...(options.structure === undefined ? {} : { structure: options.structure }),
      events: [...(options.event ?? WEBHOOK_EVENTS)],
      createdAt: system.clock(),
    };
    await system.db.transaction(async (tx) => {
      await refuseUnknown(tx, options.structure);
      await recordWebhook(tx, row);
      await audit(tx, system, { kind: 'webhook_added', webhook: row });
    });
    return { row, secret: webhookSecret(master, row.id, 1) };
  });
  const { id, url, structure, events } = row;
  printDocument(marked({ id, url, structure: structure ?? null, events, secret }, options), options);
}

const URL_RULE = {
  rule: 'what is told is encrypted unless it stays on this machine',
  at: '--url',
  detail: 'it is neither https: nor http: to localhost, or it carries a name and a password',
  remedy: 'https://host/path',
};

async function refuseUnknown(tx: Tx, structure: string | undefined): Promise<void> {
  if (structure === undefined || (await findStructure(tx, structure)) !== undefined) return;
  throw new Refusal('holder_unknown', 'there is no such structure', [
    {
      rule: 'a webhook is told of a structure that is known',
      at: '--structure',
      detail: `${structure} is unknown`,
      remedy: 'igc structure add',
    },
  ]);
}

const LIST_COLUMNS = ['id', 'state', 'url', 'structure', 'events', 'why', 'since', 'failures'] as const;

/** Prints every webhook. */
export async function list(options: { readonly json?: true }): Promise<void> {
  const rows = await withSystem(async ({ db, clock }) => {
    const now = clock();
    return (await listWebhooks(db.read)).map((webhook) => shown(webhook, now));
  });
  printRows(rows, LIST_COLUMNS, options);
}

function shown(webhook: Webhook, now: Date) {
  const paused = webhook.pausedUntil !== undefined && webhook.pausedUntil > now;
  return {
    id: webhook.id,
    state: webhook.disabledAt !== undefined ? 'disabled' : paused ? 'paused' : 'enabled',
    url: webhook.url,
    structure: webhook.structure ?? null,
    events: webhook.events.map((event) => event.replace('certificate.', '')),
    why: webhook.disabledWhy ?? null,
    since: webhook.disabledAt?.toISOString() ?? null,
    failures: webhook.failures,
    generation: webhook.generation,
    previousUntil: webhook.previousUntil?.toISOString() ?? null,
  };
}

type Act = {
  readonly kind: 'webhook_removed' | 'webhook_disabled' | 'webhook_enabled' | 'webhook_rotated';
  act(tx: Tx, now: Date): Promise<boolean>;
};

/** Does an act in one transaction with its audit row, and says whether there was anything to do. Throws Refusal `not_found`. */
async function change(id: string, options: ShownOptions, { kind, act }: Act): Promise<boolean> {
  return await withRehearsal(options, (system) =>
    system.db.transaction(async (tx) => {
      const webhook = await findOrRefuse(tx, id);
      const changed = await act(tx, system.clock());
      if (changed) await audit(tx, system, { kind, webhook });
      return changed;
    }),
  );
}

async function findOrRefuse(tx: Tx, id: string): Promise<Webhook> {
  const webhook = await findWebhook(tx, id);
  if (webhook === undefined) throw new Refusal('not_found', `there is no webhook ${id}`);
  return webhook;
}

async function changeAndSay(id: string, options: ShownOptions, act: Act): Promise<void> {
  const changed = await change(id, options, act);
  if (!changed) say('nothing was to be done: it is so already');
  printDocument(marked({ id, changed }, options), options);
}

/** Removes a webhook. */
export const remove = (id: string, options: ShownOptions): Promise<void> =>
  changeAndSay(id, options, { kind: 'webhook_removed', act: (tx) => removeWebhook(tx, id) });

/** Disables a webhook. */
export const disable = (id: string, options: ShownOptions): Promise<void> =>
  changeAndSay(id, options, {
    kind: 'webhook_disabled',
    act: (tx, at) => disableWebhook(tx, id, { at, why: 'operator' }),
  });

/** Enables a webhook. */
export const enable = (id: string, options: ShownOptions): Promise<void> =>
  changeAndSay(id, options, {
    kind: 'webhook_enabled',
    act: (tx, at) => enableWebhook(tx, id, { at, giveUpAt: new Date(at.getTime() + GIVE_UP_MS) }),
  });

/** Prints the secret of a webhook, as it is now. That somebody asked is written down before it is shown. */
export async function secret(id: string, options: { readonly json?: true }): Promise<void> {
  const found = await withSystem(async (system) => {
    const master = readMasterSecret(system.config);
    const webhook = await findOrRefuse(system.db.read, id);
    await audit(system.db.read, system, { kind: 'webhook_secret_shown', webhook });
    return { generation: webhook.generation, secret: webhookSecret(master, id, webhook.generation) };
  });
  printDocument({ id, ...found }, options);
}

export type RotateOptions = ShownOptions & { readonly overlapDays: number; readonly force?: true };

/** Gives a webhook its next secret and prints it. Throws Refusal `not_found`, or `already_exists` while an overlap runs. */
export async function rotate(id: string, options: RotateOptions): Promise<void> {
  const result = await withRehearsal(options, async (system) => {
    const master = readMasterSecret(system.config);
    return await system.db.transaction(async (tx) => {
      const before = await findOrRefuse(tx, id);
      const at = system.clock();
      const previousUntil = new Date(at.getTime() + options.overlapDays * DAY_MS);
      const webhook = await rotateWebhookSecret(tx, id, { at, previousUntil, force: options.force });
      if (webhook === undefined) throw overlapRuns(before);
      await audit(tx, system, { kind: 'webhook_rotated', webhook });
      const { generation } = webhook;
      return {
        generation,
        secret: webhookSecret(master, id, generation),
        previousUntil: previousUntil.toISOString(),
      };
    });
  });
  printDocument(marked({ id, ...result }, options), options);
}

const overlapRuns = ({ previousUntil }: Webhook): Refusal =>
  new Refusal('already_exists', 'two secrets sign already', [
    {
      rule: 'a secret signs for as long as its rotation promised',
      detail: `the overlap of the last rotation runs until ${previousUntil?.toISOString() ?? 'a later moment'}`,
      remedy: 'wait, or --force, which ends it now',
    },
  ]);

/** Sends a test event and prints what became of it; ends with `unhealthy` when it was not taken. */
export async function ping(id: string, options: { readonly json?: true }): Promise<void> {
  const { eventId, outcome, status, fault } = await withSystem(async (system) =>
    pingWebhook(system, readMasterSecret(system.config), await findOrRefuse(system.db.read, id)),
  );
  printDocument({ id, event: eventId, outcome, status: status ?? null, fault: fault ?? null }, options);
  if (outcome !== 'told')
    throw new CommanderError(EXIT_CODES.unhealthy[0], 'igc.unhealthy', 'the webhook did not take the event');
}

type Audited = {
  readonly kind: Act['kind'] | 'webhook_added' | 'webhook_secret_shown';
  readonly webhook: Pick<Webhook, 'id' | 'url' | 'structure' | 'events'>;
};

const audit = (tx: Tx, { clock }: OpenSystem, { kind, webhook }: Audited): Promise<void> =>
  appendAudit(tx, {
    kind,
    actor: actorText(operator()),
    subjectId: `webhook/${webhook.id}`,
    at: clock(),
    // of the address the host alone: what follows may be a secret of the receiver
    content: { host: new URL(webhook.url).host, structure: webhook.structure ?? null, events: webhook.events },
  });
