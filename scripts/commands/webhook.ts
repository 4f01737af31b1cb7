// igc webhook: programs of structures that are told of certificates. Addresses are recorded by operators alone: the worker calls them,
// from inside our network.

import { type Command, InvalidArgumentError } from 'commander';
import { WEBHOOK_EVENTS } from '#db/schema/webhooks.ts';
import type { Webhook, WebhookEvent } from '#db/webhooks.ts';
import { collect, isUuid } from './options.ts';
import { DRY_RUN } from './rehearsal.ts';
import { add, disable, enable, list, ping, remove, rotate, secret } from './webhook-acts.ts';
import { addDeliveryCommands } from './webhook-deliveries.ts';

const ADD_HELP = `
The address is https:, or http: to this machine alone. The secret on stdout is for who runs the receiver, and for nobody else: it is
derived from WEBHOOK_SECRET_FILE, and \`igc webhook secret\` prints it again. Events, all without --event:
${WEBHOOK_EVENTS.join(', ')}.
docs/webhooks.md says what a receiver gets and how it checks that.

Examples:
  $ igc webhook add --url https://si.hopital-generique.fr/igc --structure 10B0057881
  $ igc webhook add --url https://supervision.exemple.fr/igc --all-structures --event certificate.revoked --json | jq -r .secret
`;

const LIST_HELP = `
States: enabled, paused (nobody was there; tried again by itself), disabled.

Examples:
  $ igc webhook list
`;

const ROTATE_HELP = `
The next secret is on stdout. Until the overlap is over, what is sent is signed with both, so that the receiver changes when it likes;
another rotation is refused until then. --force is for a secret that strangers know: what was before the last one signs nothing any more.

Examples:
  $ igc webhook rotate 0199aa00-0000-7000-8000-000000000000 --overlap-days 14
`;

const PING_HELP = `
Sends an event \`ping\` at once, from here. It is neither written down nor tried again.

Examples:
  $ igc webhook ping 0199aa00-0000-7000-8000-000000000000
`;

const examples = (name: string) => `
Examples:
  $ igc webhook ${name} 0199aa00-0000-7000-8000-000000000000
`;

/** Adds `igc webhook`. */
export function addWebhookCommands(program: Command): void {
  const webhook = program.command('webhook').description('programs that are told of certificates');
  webhook
    .command('add')
    .description('tell a program from now on')
    .requiredOption('--url <url>', 'where it is told')
    .option('--structure <Struct_IdNat>', 'only of the certificates of this structure')
    .option('--all-structures', 'of every certificate')
    .option('--event <event>', 'only of such events; may be repeated', eventWord)
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', ADD_HELP)
    .action((options: AddOptions, command: Command) => {
      if ((options.structure === undefined) === (options.allStructures === undefined))
        command.error('error: say one of --structure and --all-structures');
      return add(options);
    });
  webhook
    .command('list')
    .description('every webhook, and how it is doing')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  for (const [name, description, act] of [
    ['remove', 'tell it nothing any more, and forget what it was told', remove],
    ['disable', 'tell it nothing until it is enabled; what happens meanwhile is not told later', disable],
    ['enable', 'tell it again, what waited included', enable],
    ['secret', 'print its secret', secret],
  ] as const)
    withId(webhook.command(name), { dryRun: act !== secret })
      .description(description)
      .addHelpText('after', examples(name))
      .action(act);
  withId(webhook.command('rotate'), { dryRun: true })
    .description('give it another secret')
    .option('--overlap-days <days>', 'how long the secret before signs as well', overlapDays, 7)
    .option('--force', 'though the overlap of the last rotation still runs')
    .addHelpText('after', ROTATE_HELP)
    .action(rotate);
  withId(webhook.command('ping'), { dryRun: false })
    .description('send a test event now')
    .addHelpText('after', PING_HELP)
    .action(ping);
  addDeliveryCommands(webhook);
}

export type ShownOptions = { readonly dryRun?: true; readonly json?: true };
export type AddOptions = ShownOptions & {
  readonly url: string;
  readonly structure?: string;
  readonly allStructures?: true;
  readonly event?: readonly WebhookEvent[];
};

const withId = (command: Command, { dryRun }: { readonly dryRun: boolean }): Command => {
  command.argument('<id>', 'as `igc webhook list` prints it', webhookId);
  if (dryRun) command.option(...DRY_RUN);
  return command.option('--json', 'one JSON document on stdout');
};

/** An id of a webhook as the command line has it. */
export function webhookId(text: string): Webhook['id'] {
  if (!isUuid(text)) throw new InvalidArgumentError('the id of a webhook');
  return text.toLowerCase();
}

function eventWord(text: string, before: readonly string[] = []): readonly string[] {
  if (!WEBHOOK_EVENTS.some((event) => event === text))
    throw new InvalidArgumentError(`one of ${WEBHOOK_EVENTS.join(', ')}`);
  return collect(text, before);
}

function overlapDays(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('a number of days from 0 to 99');
  return Number(text);
}
