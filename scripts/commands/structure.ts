// igc structure: the legal persons for which certificates are issued, by hand until registration takes this over.

import type { Command } from 'commander';
import { uuidv7 } from 'uuidv7';
import { listAdministrators } from '#db/administrators.ts';
import { appendAudit } from '#db/audit.ts';
import { countCertificatesOf, findStructure, listStructures, recordStructure } from '#db/structures.ts';
import { actorText } from '../../src/actor.ts';
import { type Finding, Refusal, type RefusalCode } from '../../src/errors.ts';
import { DEPARTMENTS } from '../../src/identifiers/departments.ts';
import { checkStructIdNat } from '../../src/identifiers/structure.ts';
import { textFindings } from '../../src/policy/holder.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const ADD_HELP = `
The identifier is the Struct_IdNat: a digit for the register (0 cabinet ADELI, 1 FINESS, 2 SIREN, 3 SIRET, 4 cabinet RPPS) and the
number in it. The department is a code of table TRE_G09: 75, 2A, 971.

Examples:
  $ igc structure add --id 10B0057881 --name "HOPITAL GENERIQUE TEST" --department 75
  $ igc structure add --id 318751275100020 --name "AGENCE DU NUMERIQUE EN SANTE" --department 75 --json
`;

const LIST_HELP = `
Examples:
  $ igc structure list
  $ igc structure list --json | jq -r .structIdNat
`;

const SHOW_HELP = `
Examples:
  $ igc structure show 10B0057881
  $ igc structure show 10B0057881 --json | jq .certificates
`;

const NAME_LENGTH = 255;

type AddOptions = {
  readonly id: string;
  readonly name: string;
  readonly department: string;
  readonly dryRun?: true;
  readonly json?: true;
};

/** Adds `igc structure`. */
export function addStructureCommands(program: Command): void {
  const structure = program.command('structure').description('structures that certificates are issued for');
  structure
    .command('add')
    .description('make a structure known')
    .requiredOption('--id <Struct_IdNat>', 'national identifier, with the digit of its register')
    .requiredOption('--name <text>', 'official name (raison sociale)')
    .requiredOption('--department <code>', 'code of the department')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', ADD_HELP)
    .action(add);
  structure
    .command('list')
    .description('every structure, by identifier')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  structure
    .command('show')
    .description('one structure, who acts for it, and how many certificates it has')
    .argument('<Struct_IdNat>', 'national identifier, with the digit of its register')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', SHOW_HELP)
    .action(show);
}

async function add({ id: structIdNat, name, department, dryRun, json }: AddOptions): Promise<void> {
  const row = { id: uuidv7(), structIdNat, name, department };
  await withRehearsal({ dryRun }, async (system) => {
    refuseFindings({
      identifier_invalid: checkStructIdNat(structIdNat, { test: system.policies.hierarchy.test, at: '--id' }),
      name_not_allowed: checkName(name),
      holder_invalid: checkDepartment(department),
    });
    await system.db.transaction(async (tx) => {
      await recordStructure(tx, row);
      await appendAudit(tx, {
        kind: 'structure_added',
        actor: actorText(operator()),
        subjectId: row.id,
        at: system.clock(),
        content: { structIdNat, name, department },
      });
    });
  });
  printDocument(marked(row, { dryRun }), { json });
}

const checkName = (name: string): readonly Finding[] =>
  name.trim() === ''
    ? [{ rule: 'a structure has a name', at: '--name', detail: 'the name is blank' }]
    : textFindings(name, '--name', NAME_LENGTH);

const checkDepartment = (code: string): readonly Finding[] =>
  DEPARTMENTS.has(code)
    ? []
    : [
        {
          rule: 'TRE_G09 Départements',
          at: '--department',
          detail: 'this code is not in the table',
          remedy: 'as 75, 2A or 971',
        },
      ];

/** Refuses with everything found; the first code that has findings names it. */
function refuseFindings(found: Readonly<Partial<Record<RefusalCode, readonly Finding[]>>>): void {
  const codes = (Object.keys(found) as RefusalCode[]).filter((code) => (found[code] ?? []).length > 0);
  if (codes[0] !== undefined)
    throw new Refusal(
      codes[0],
      'the structure is not accepted',
      codes.flatMap((code) => found[code] ?? []),
    );
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const rows = await withSystem((system) => listStructures(system.db.read));
  printRows(
    rows.map(({ id, structIdNat, name, department }) => ({ id, structIdNat, name, department })),
    ['structIdNat', 'name', 'department'],
    { json },
  );
}

async function show(structIdNat: string, { json }: { json?: boolean }): Promise<void> {
  const document = await withSystem(async ({ db, clock }) => {
    const found = await findStructure(db.read, structIdNat);
    if (found === undefined) throw new Refusal('not_found', `there is no structure ${structIdNat}`);
    const everyone = await listAdministrators(db.read);
    const { id, name, department } = found;
    return {
      ...{ id, structIdNat, name, department },
      departmentName: DEPARTMENTS.get(department) ?? null,
      administrators: everyone
        .filter(({ structures }) => structures.includes(structIdNat))
        .map(({ nationalId, cardProfile, issuingCa }) => `${nationalId} (${cardProfile} of ${issuingCa})`),
      certificates: await countCertificatesOf(db.read, structIdNat, clock()),
    };
  });
  const { administrators, certificates, ...rest } = document;
  const counted = Object.entries(certificates).map(([state, count]) => `${count} ${state}`);
  const shown = { ...rest, administrators: administrators.join(', '), certificates: counted.join(', ') };
  printDocument(json ? document : shown, { json });
}
