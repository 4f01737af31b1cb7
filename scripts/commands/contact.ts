// igc contact: where structures, holders and administrators are warned of the end of their certificates. The audit names a contact by
// id, never by address.

import type { Command } from 'commander';
import { uuidv7 } from 'uuidv7';
import { findAdministratorById } from '#db/administrators.ts';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import {
  type Contact,
  findContact,
  type Language,
  listContacts,
  type NewContact,
  type Owner,
  recordContact,
  reinstateContact,
  removeContact,
} from '#db/contacts.ts';
import { findStructure } from '#db/structures.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { checkMailbox, foldMailbox } from '../../src/policy/mailboxes.ts';
import { operator, withSystem } from './operator.ts';
import { isUuid } from './options.ts';
import { printDocument, printRows, say } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const ADD_HELP = `
A structure's contact is who owns its certificates, with --fallback who is written to when nobody else can be; an administrator's is
for what they ordered. Mails are in the language of the contact.

Examples:
  $ igc contact add --structure 10B0057881 --email dsi@hopital-generique.fr --language fr
  $ igc contact add --structure 10B0057881 --fallback --email standard@hopital-generique.fr --language fr
  $ igc contact add --holder 899700075064 --email anne.durand@hopital-generique.fr --language en
  $ igc contact add --administrator 0199aa00-0000-7000-8000-000000000000 --email pki@editeur.fr --language fr
`;

const LIST_HELP = `
Examples:
  $ igc contact list
  $ igc contact list --refused --json | jq -r .id
`;

const REMOVE_HELP = `
What waits for this address is not sent to it. Removing what was removed already is no error.

Examples:
  $ igc contact remove 0199aa00-0000-7000-8000-000000000000
`;

const REINSTATE_HELP = `
An address that a mail server refused for good gets nothing until it is reinstated here: once it is known to work, and not before.

Examples:
  $ igc contact reinstate 0199aa00-0000-7000-8000-000000000000
`;

type OwnerOptions = { readonly structure?: string; readonly holder?: string; readonly administrator?: string };
type ShownOptions = { readonly dryRun?: true; readonly json?: true };
type AddOptions = OwnerOptions &
  ShownOptions & { readonly fallback?: true; readonly email: string; readonly language: string };
type ListOptions = OwnerOptions & { readonly refused?: true; readonly json?: true };

/** Adds `igc contact`. */
export function addContactCommands(program: Command): void {
  const contact = program.command('contact').description('who is warned of the end of certificates, by e-mail');
  withOwner(contact.command('add'))
    .description('an address of a structure, a holder or an administrator')
    .option('--fallback', 'of a structure: for what nobody else can be told')
    .requiredOption('--email <address>', 'one mailbox')
    .requiredOption('--language <fr|en>', 'language of the mails')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', ADD_HELP)
    .action((options: AddOptions, command: Command) => {
      if (ownersOf(options).length !== 1) command.error('error: say one of --structure, --holder and --administrator');
      if (options.fallback && options.structure === undefined) command.error('error: --fallback is for a structure');
      if (!['fr', 'en'].includes(options.language)) command.error('error: --language is fr or en');
      return add(options);
    });
  withOwner(contact.command('list'))
    .description('every contact, by owner')
    .option('--refused', 'only addresses that were refused')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action((options: ListOptions, command: Command) => {
      if (ownersOf(options).length > 1) command.error('error: say one of --structure, --holder and --administrator');
      return list(options);
    });
  contact
    .command('remove')
    .description('forget an address')
    .argument('<id>', 'as `igc contact list` prints it')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', REMOVE_HELP)
    .action(remove);
  contact
    .command('reinstate')
    .description('write again to an address that was refused')
    .argument('<id>', 'as `igc contact list` prints it')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', REINSTATE_HELP)
    .action(reinstate);
}

const withOwner = (command: Command): Command =>
  command
    .option('--structure <Struct_IdNat>', 'a structure')
    .option('--holder <IdNat>', 'a professional or an employee, by national identifier')
    .option('--administrator <id>', 'a technical administrator, as `igc administrator list` prints the id');

const ownersOf = ({ structure, holder, administrator }: OwnerOptions): readonly Owner[] => [
  ...(structure === undefined ? [] : [{ ownerKind: 'structure' as const, ownerKey: structure }]),
  ...(holder === undefined ? [] : [{ ownerKind: 'holder' as const, ownerKey: holder }]),
  ...(administrator === undefined ? [] : [{ ownerKind: 'administrator' as const, ownerKey: administrator }]),
];

async function add(options: AddOptions): Promise<void> {
  const [owner] = ownersOf(options);
  if (owner === undefined) return;
  const findings = checkMailbox(foldMailbox(options.email), '--email', []);
  if (findings.length > 0) throw new Refusal('name_not_allowed', 'this is no address to write to', findings);
  const row: NewContact = {
    id: uuidv7(),
    ...owner,
    role: owner.ownerKind === 'administrator' ? 'technical' : options.fallback ? 'fallback' : 'owner',
    email: foldMailbox(options.email),
    language: options.language === 'en' ? 'en' : ('fr' satisfies Language),
  };
  await withRehearsal(options, (system) =>
    system.db.transaction(async (tx) => {
      await refuseUnknown(tx, owner);
      await recordContact(tx, row);
      await audit(tx, system, { kind: 'contact_added', contact: row });
    }),
  );
  printDocument(marked(row, options), options);
}

/** A holder may get a contact before the first certificate: who they are is not known before. */
async function refuseUnknown(tx: Tx, { ownerKind, ownerKey }: Owner): Promise<void> {
  const known =
    ownerKind === 'holder' ||
    (ownerKind === 'structure'
      ? (await findStructure(tx, ownerKey)) !== undefined
      : isUuid(ownerKey) && (await findAdministratorById(tx, ownerKey)) !== undefined);
  if (known) return;
  throw new Refusal('holder_unknown', `there is no such ${ownerKind}`, [
    {
      rule: 'a contact belongs to somebody who is known',
      at: `--${ownerKind}`,
      detail: `${ownerKey} is unknown`,
      remedy: `igc ${ownerKind} add`,
    },
  ]);
}

async function list(options: ListOptions): Promise<void> {
  const [owner] = ownersOf(options);
  const rows = await withSystem(({ db }) =>
    listContacts(db.read, { ...owner, ...(options.refused ? { refused: true } : {}) }),
  );
  const shown = rows.map(({ id, ownerKind, ownerKey, role, email, language, refusedAt, refusedWhy }) => ({
    ...{ id, ownerKind, ownerKey, role, email, language },
    refusedAt: refusedAt?.toISOString() ?? null,
    refusedWhy: refusedWhy ?? null,
  }));
  printRows(shown, ['id', 'ownerKind', 'ownerKey', 'role', 'email', 'language', 'refusedWhy'], options);
}

async function remove(id: string, options: ShownOptions): Promise<void> {
  const known = await change(id, options, {
    kind: 'contact_removed',
    act: (tx) => removeContact(tx, id),
  });
  if (!known) say('there is no such contact any more');
  printDocument(marked({ id, removed: known }, options), options);
}

async function reinstate(id: string, options: ShownOptions): Promise<void> {
  const changed = await change(id, options, { kind: 'contact_reinstated', act: (tx) => reinstateContact(tx, id) });
  if (!changed) say('there is no such contact whose address was refused');
  printDocument(marked({ id, reinstated: changed }, options), options);
}

type Change = {
  readonly kind: 'contact_removed' | 'contact_reinstated';
  readonly act: (tx: Tx) => Promise<boolean>;
};

/** If we stop before the commit nothing has changed: the contact and its audit row go together. */
const change = (id: string, options: ShownOptions, { kind, act }: Change): Promise<boolean> =>
  withRehearsal(options, (system) =>
    system.db.transaction(async (tx) => {
      const contact = isUuid(id) ? await findContact(tx, id) : undefined;
      if (contact === undefined || !(await act(tx))) return false;
      await audit(tx, system, { kind, contact });
      return true;
    }),
  );

type Audited = {
  readonly kind: Change['kind'] | 'contact_added';
  readonly contact: Pick<Contact, 'id' | 'ownerKind' | 'ownerKey' | 'role'>;
};

const audit = (tx: Tx, { clock }: OpenSystem, { kind, contact }: Audited): Promise<void> =>
  appendAudit(tx, {
    kind,
    actor: actorText(operator()),
    subjectId: contact.id,
    at: clock(),
    content: { ownerKind: contact.ownerKind, ownerKey: contact.ownerKey, role: contact.role },
  });
