// igc administrator remove, unlink: the end of a right. Certificates that were ordered under it stay; so do the audit rows, which name
// the administrator by id. A card that is lost is revoked besides.

import type { Command } from 'commander';
import {
  type Administrator,
  findAdministrator,
  findAdministratorById,
  removeAdministrator,
  unlinkAdministrator,
} from '#db/administrators.ts';
import { appendAudit, wasAudited } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import { findStructure } from '#db/structures.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { type LoginOptions, namedLogin, partsGiven, withLogin } from './administrator-login.ts';
import { operator } from './operator.ts';
import { collect, isUuid } from './options.ts';
import { printDocument, say } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const REMOVE_HELP = `
Who logs in with this card is nobody from the next request on. Removing somebody who was removed already is no error.

Examples:
  $ igc administrator remove 0199aa00-0000-7000-8000-000000000000
  $ igc administrator remove --issuing-ca ACI-FO-PP-TEST --card-profile cps-auth --national-id 899700075064 --dry-run
`;

const UNLINK_HELP = `
The administrator keeps the other structures. Ending what has ended already is no error.

Examples:
  $ igc administrator unlink 0199aa00-0000-7000-8000-000000000000 --structure 10B0057881
  $ igc administrator unlink --issuing-ca ACI-FO-PP-TEST --card-profile cps-auth --national-id 899700075064 \\
      --structure 10B0057881 --structure 318751275100020
`;

type EndOptions = LoginOptions & { readonly dryRun?: true; readonly json?: true };
type UnlinkOptions = EndOptions & { readonly structure: readonly string[] };

/** Adds `igc administrator remove` and `igc administrator unlink`. */
export function addEndCommands(administrator: Command): void {
  withLogin(administrator.command('remove'))
    .description('end all rights of a technical administrator')
    .argument('[id]', 'as `igc administrator list` prints it; or the three options')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', REMOVE_HELP)
    .action((id: string | undefined, options: EndOptions, command: Command) => {
      refuseUnnamed(command, id, options);
      return remove(id, options);
    });
  withLogin(administrator.command('unlink'))
    .description('end the right to act for structures')
    .argument('[id]', 'as `igc administrator list` prints it; or the three options')
    .requiredOption('--structure <Struct_IdNat>', 'a structure to act for no longer; repeatable', collect)
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', UNLINK_HELP)
    .action((id: string | undefined, options: UnlinkOptions, command: Command) => {
      refuseUnnamed(command, id, options);
      return unlink(id, options);
    });
}

function refuseUnnamed(command: Command, id: string | undefined, options: LoginOptions): void {
  if (partsGiven(options) !== (id === undefined ? 'all' : 'none'))
    command.error('error: name an id, or all of --issuing-ca, --card-profile and --national-id');
  if (id !== undefined && !isUuid(id)) command.error('error: the id is that of `igc administrator list`');
}

async function remove(id: string | undefined, options: EndOptions): Promise<void> {
  const removed = await withRehearsal(options, (system) =>
    // If we stop before the commit, nothing has changed: right and audit row go together.
    system.db.transaction(async (tx) => {
      const known = await findNamed(tx, system, { id, options });
      if (known === undefined || !(await removeAdministrator(tx, known.id))) return undefined;
      await audit(tx, system, { kind: 'administrator_removed', administrator: known, structures: known.structures });
      return known;
    }),
  );
  if (removed === undefined) say('there is no such administrator any more');
  const shown = { id: removed?.id ?? id ?? null, removed: removed !== undefined, ...loginOf(removed) };
  printDocument(marked(shown, options), options);
}

async function unlink(id: string | undefined, options: UnlinkOptions): Promise<void> {
  const { known, ended } = await withRehearsal(options, (system) =>
    system.db.transaction(async (tx) => {
      const known = await findNamed(tx, system, { id, options });
      if (known === undefined) throw new Refusal('not_found', 'there is no such administrator');
      const ended: string[] = [];
      for (const structIdNat of new Set(options.structure)) {
        const structure = await findStructure(tx, structIdNat);
        if (structure === undefined) throw new Refusal('not_found', `there is no structure ${structIdNat}`);
        if (await unlinkAdministrator(tx, known.id, structure.id)) ended.push(structIdNat);
      }
      if (ended.length > 0)
        await audit(tx, system, { kind: 'administrator_unlinked', administrator: known, structures: ended });
      return { known, ended };
    }),
  );
  if (ended.length === 0) say('this administrator does not act for them any more');
  const structures = known.structures.filter((structIdNat) => !ended.includes(structIdNat));
  printDocument(marked({ id: known.id, ...loginOf(known), ended, structures }, options), options);
}

type Named = { readonly id: string | undefined; readonly options: LoginOptions };

/** Undefined for a login that nobody has, and for an id that was removed. Throws Refusal `not_found` for an id that never was. */
async function findNamed(tx: Tx, system: OpenSystem, { id, options }: Named): Promise<Administrator | undefined> {
  if (id === undefined) return findAdministrator(tx, namedLogin(system, options));
  const known = await findAdministratorById(tx, id);
  if (known === undefined && !(await wasAudited(tx, 'administrator_removed', id.toLowerCase())))
    throw new Refusal('not_found', `there is no administrator ${id}`);
  return known;
}

type Ended = {
  readonly kind: 'administrator_removed' | 'administrator_unlinked';
  readonly administrator: Administrator;
  readonly structures: readonly string[];
};

const audit = (tx: Tx, { clock }: OpenSystem, { kind, administrator, structures }: Ended): Promise<void> =>
  appendAudit(tx, {
    kind,
    actor: actorText(operator()),
    subjectId: administrator.id,
    at: clock(),
    content: { ...loginOf(administrator), structures: [...structures] },
  });

function loginOf(administrator: Administrator | undefined) {
  if (administrator === undefined) return {};
  const { issuingCa, cardProfile, nationalId } = administrator;
  return { issuingCa, cardProfile, nationalId };
}
