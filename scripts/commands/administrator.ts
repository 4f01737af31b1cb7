// igc administrator: the technical administrators who may order over the API, and for which structures.

import type { Command } from 'commander';
import { uuidv7 } from 'uuidv7';
import {
  findAdministrator,
  type Login,
  linkAdministrator,
  listAdministrators,
  recordAdministrator,
} from '#db/administrators.ts';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import { findStructure } from '#db/structures.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { addEndCommands } from './administrator-end.ts';
import { cardFileLogin, type LoginOptions, namedLogin, partsGiven, withLogin } from './administrator-login.ts';
import { operator, withSystem } from './operator.ts';
import { collect } from './options.ts';
import { printDocument, printRows } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const ADD_HELP = `
Who logs in is read from a card certificate that this authority issued, or named by its three parts. An administrator who is known
already gets the structures that are new to them.

Examples:
  $ igc administrator add --certificate card.pem --structure 10B0057881
  $ igc administrator add --issuing-ca ACI-FO-PP-TEST --card-profile cps-auth --national-id 899700075064 --structure 10B0057881
`;

const LIST_HELP = `
Examples:
  $ igc administrator list
  $ igc administrator list --json | jq -r '.nationalId + " " + (.structures | join(","))'
`;

type AddOptions = LoginOptions & {
  readonly certificate?: string;
  readonly structure?: readonly string[];
  readonly dryRun?: true;
  readonly json?: true;
};

/** Adds `igc administrator`. */
export function addAdministratorCommands(program: Command): void {
  const administrator = program
    .command('administrator')
    .description('technical administrators, who log in with a card');
  withLogin(administrator.command('add'))
    .description('make a card holder a technical administrator of structures')
    .option('--certificate <file>', 'the card’s certificate, PEM')
    .option('--structure <Struct_IdNat>', 'a structure to act for; repeatable', collect)
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', ADD_HELP)
    .action((options: AddOptions, command: Command) => {
      if (partsGiven(options) !== (options.certificate === undefined ? 'all' : 'none')) {
        command.error('error: say --certificate, or all of --issuing-ca, --card-profile and --national-id');
      }
      return add(options);
    });
  administrator
    .command('list')
    .description('every administrator, by national identifier')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  addEndCommands(administrator);
}

async function add(options: AddOptions): Promise<void> {
  const shown = await withRehearsal(options, async (system) => {
    const login =
      options.certificate === undefined
        ? namedLogin(system, options)
        : await cardFileLogin(system, options.certificate);
    return system.db.transaction((tx) => addInTransaction(tx, system, { login, structures: options.structure ?? [] }));
  });
  printDocument(marked(shown, options), options);
}

async function addInTransaction(tx: Tx, system: OpenSystem, wanted: { login: Login; structures: readonly string[] }) {
  const { login } = wanted;
  const known = await findAdministrator(tx, login);
  const id = known?.id ?? uuidv7();
  if (known === undefined) await recordAdministrator(tx, { id, ...login });
  const added: string[] = [];
  for (const structIdNat of new Set(wanted.structures)) {
    const structure = await findStructure(tx, structIdNat);
    if (structure === undefined) throw unknownStructure(structIdNat);
    if (await linkAdministrator(tx, id, structure.id)) added.push(structIdNat);
  }
  if (known !== undefined && added.length === 0)
    throw new Refusal('already_exists', 'this administrator is known, with these structures');
  await appendAudit(tx, {
    kind: known === undefined ? 'administrator_added' : 'administrator_extended',
    actor: actorText(operator()),
    subjectId: id,
    at: system.clock(),
    content: { ...login, structures: added },
  });
  return { id, ...login, structures: [...new Set([...(known?.structures ?? []), ...added])].sort() };
}

const unknownStructure = (structIdNat: string): Refusal =>
  new Refusal('holder_unknown', 'there is no such structure', [
    {
      rule: 'an administrator acts for structures that are known',
      at: '--structure',
      detail: `${structIdNat} is unknown`,
      remedy: 'igc structure add',
    },
  ]);

async function list({ json }: { json?: boolean }): Promise<void> {
  const rows = await withSystem((system) => listAdministrators(system.db.read));
  printRows(
    rows.map(({ id, issuingCa, cardProfile, nationalId, structures }) => ({
      id,
      issuingCa,
      cardProfile,
      nationalId,
      structures,
    })),
    ['id', 'nationalId', 'cardProfile', 'issuingCa', 'structures'],
    { json },
  );
}
