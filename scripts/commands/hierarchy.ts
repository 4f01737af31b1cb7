// igc hierarchy: the ceremony that makes the certification authorities, and what it made.

import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { type Database, openDatabase } from '#db/connect.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { type Authority, readAuthority } from '../../src/authority.ts';
import { readyTokens } from '../../src/ca/ceremony-tokens.ts';
import { certificateFile, createHierarchy } from '../../src/ca/create-hierarchy.ts';
import { checkRecordedHierarchy, recordHierarchy } from '../../src/ca/record-hierarchy.ts';
import { type Config, loadConfig, required } from '../../src/config.ts';
import { ensureRootCrl } from '../../src/crl/publish-root.ts';
import { Refusal } from '../../src/errors.ts';
import { certificateUrl, crlUrl, type Hierarchy } from '../../src/policy/hierarchy.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import { formatName } from '../../src/x509/names.ts';
import { type CeremonyRoom, certificatesMade, readFileIfThere, rootCrlCommand, withCeremony } from './ceremony.ts';
import { operator } from './operator.ts';
import { printRows, say } from './output.ts';
import { startProgress } from './progress.ts';

const COLUMNS = ['id', 'kind', 'issuer', 'notAfter', 'sha256'] as const;

const CREATE_HELP = `
Reads policies/hierarchy/<HIERARCHY>.yaml and makes, in this order, what is missing: the tokens igc-sante-root, igc-sante-issuing and
igc-sante-ocsp; a key for each root and intermediate; their certificates, as HIERARCHY_DIRECTORY/<id>.cer; and, with DATABASE_URL,
the tables, the rows of the authorities, and the first CRL of each root. HIERARCHY_DIRECTORY/ceremony.ndjson records every signature
before it is made. Keep that directory, the tokens and the PIN files: together they are the hierarchy.

A token that it initialises gets a random SO PIN, kept beside the PIN as <PIN file>.so (mode 0600).

Safe to repeat: an interrupted ceremony goes on where it stopped, and a finished one is left as it is.

Environment: PKCS11_MODULE, HIERARCHY_DIRECTORY, ROOT_PIN_FILE, ISSUING_PIN_FILE, OCSP_PIN_FILE; DATABASE_URL if there is a database.

Examples:
  $ igc hierarchy create --generate-pins      makes random PINs too, in the files that the environment names
  $ igc hierarchy create                      the PIN files are there
`;

const LIST_HELP = `
Examples:
  $ igc hierarchy list
  $ igc hierarchy list --json | jq -r .crlUrl
`;

/** Adds `igc hierarchy`. */
export function addHierarchyCommands(program: Command): void {
  const hierarchy = program.command('hierarchy').description('the certification authorities of the branch');
  hierarchy
    .command('create')
    .description('make tokens, keys and certificates of every authority, and the first CRL of each root')
    .option('--generate-pins', 'make a random PIN in each PIN file that is missing (mode 0600)')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', CREATE_HELP)
    .action(create);
  hierarchy
    .command('list')
    .description('the authorities of HIERARCHY_DIRECTORY')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
}

async function create({ generatePins = false, json }: { generatePins?: boolean; json?: boolean }): Promise<void> {
  const authorities = await withCeremony(async (room) => {
    const { config } = room;
    if (config.DATABASE_URL !== undefined) {
      return withDatabase(config.DATABASE_URL, (db) => createWithDatabase(room, { generatePins, db }));
    }
    say('DATABASE_URL is not set: no database is told, and the roots get no CRL; a repeat with it does both');
    return performCeremony(room, { generatePins });
  });
  const { hierarchy } = loadPolicies(loadConfig().POLICIES_DIRECTORY, loadConfig().HIERARCHY);
  printRows(
    authorities.map((authority) => rowOf(hierarchy, authority)),
    COLUMNS,
    { json },
  );
}

async function performCeremony(
  room: CeremonyRoom,
  { generatePins }: { generatePins: boolean },
): Promise<readonly Authority[]> {
  const { policies, directory, journal, open } = room;
  readyTokens(room.tokens, { journal, generatePins, progress: say });
  const progress = startProgress();
  try {
    return await createHierarchy({
      hierarchy: policies.hierarchy,
      directory,
      journal,
      tokenFor: (kind) => open(kind === 'root' ? 'root' : 'issuing'),
      clock: () => new Date(),
      progress: progress.say,
    });
  } finally {
    progress.stop();
  }
}

async function createWithDatabase(
  room: CeremonyRoom,
  { generatePins, db }: { generatePins: boolean; db: Database },
): Promise<readonly Authority[]> {
  const { config, policies, journal } = room;
  const clock = (): Date => new Date();
  const needs = { db, clock, hierarchy: policies.hierarchy, actor: operator() };
  // Before any key is made: a database of another hierarchy would refuse this one at the very end.
  await checkRecordedHierarchy(needs, certificatesMade(room));
  const authorities = await performCeremony(room, { generatePins });
  if (await recordHierarchy(needs, { authorities, journal }))
    say(`database: hierarchy ${policies.hierarchy.name} recorded`);
  const system = {
    db,
    clock,
    policies,
    config,
    authorities: new Map(authorities.map((authority) => [authority.id, authority])),
  };
  for (const root of authorities.filter(({ kind }) => kind === 'root')) {
    const crl = await ensureRootCrl(system, rootCrlCommand(room, root));
    if (crl !== undefined)
      say(`${root.id}: CRL number ${crl.number} published, good until ${crl.nextUpdate.toISOString()}`);
  }
  return authorities;
}

async function withDatabase<T>(url: string, act: (db: Database) => Promise<T>): Promise<T> {
  await migrateDatabase(url, { progress: say });
  const db = openDatabase(url, { applicationName: 'igc-sante ceremony' });
  try {
    return await act(db);
  } finally {
    await db.close();
  }
}

function list({ json }: { json?: boolean }): void {
  const config = loadConfig();
  const { hierarchy } = loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY);
  printRows(
    readDirectory(hierarchy, config).map((authority) => rowOf(hierarchy, authority)),
    COLUMNS,
    { json },
  );
}

function readDirectory({ authorities }: Hierarchy, config: Config): Authority[] {
  const directory = required(config, 'HIERARCHY_DIRECTORY');
  return authorities.map(({ id, kind, issuer }) => {
    const certificate = readFileIfThere(certificateFile(directory, id));
    if (certificate !== undefined) return readAuthority({ id, kind, issuer, certificate });
    throw new Refusal('not_found', `there is no certificate of ${id} yet`, [
      {
        rule: 'the hierarchy is created first',
        at: 'HIERARCHY_DIRECTORY',
        detail: `no ${id}.cer`,
        remedy: 'run `igc hierarchy create`',
      },
    ]);
  });
}

function rowOf(hierarchy: Hierarchy, { id, kind, issuer, certificate, keyId }: Authority) {
  const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
  return {
    id,
    kind,
    issuer,
    subject: formatName(certificate.subjectName),
    serial: hex(certificate.serial),
    keyId: hex(keyId),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    sha256: createHash('sha256').update(certificate.der).digest('hex'),
    certificateUrl: certificateUrl(hierarchy, id),
    crlUrl: crlUrl(hierarchy, id),
  };
}
