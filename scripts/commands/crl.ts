// igc crl: revocation lists, made by hand where the schedule does not reach: the roots, whose token is offline.

import type { Command } from 'commander';
import { appendAudit } from '#db/audit.ts';
import { listCrls } from '#db/crls.ts';
import { actorText } from '../../src/actor.ts';
import type { Authority } from '../../src/authority.ts';
import { certificateFile } from '../../src/ca/create-hierarchy.ts';
import { previewCrl } from '../../src/crl/preview.ts';
import { type PublishedCrl, publishCrl } from '../../src/crl/publish.ts';
import { publishRootCrl } from '../../src/crl/publish-root.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { CEREMONY_NEEDS, type CeremonyRoom, readFileIfThere, rootCrlCommand, withCeremony } from './ceremony.ts';
import { operator, withSystem } from './operator.ts';
import { printRows, say } from './output.ts';
import { startProgress } from './progress.ts';
import { DRY_RUN } from './rehearsal.ts';

const PUBLISH_HELP = `
With --root the root token is opened in this process (PKCS11_MODULE, ROOT_PIN_FILE), for every root or for those named; each list is
kept as HIERARCHY_DIRECTORY/<id>.crl too. Without it, the named intermediates' lists are signed by the running signer; the worker
publishes these by itself every day and after each revocation.

Examples:
  $ igc crl publish --root                    every root; do this once a month
  $ igc crl publish --root ACR-EL-TEST --dry-run
  $ igc crl publish ACI-EL-ORG-TEST
`;

const LIST_HELP = `
Examples:
  $ igc crl list                              the last list of each authority
  $ igc crl list ACI-EL-ORG-TEST --all        every number ever taken, newest first
`;

const COLUMNS = ['issuer', 'number', 'state', 'thisUpdate', 'nextUpdate', 'entries', 'remaining'] as const;

/** Adds `igc crl`. */
export function addCrlCommands(program: Command): void {
  const crl = program.command('crl').description('certificate revocation lists');
  crl
    .command('publish')
    .description('sign and publish the next list of authorities')
    .argument('[id...]', 'authorities, as `igc hierarchy list` names them')
    .option('--root', 'roots, with the root token in this process')
    .option(...DRY_RUN)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', PUBLISH_HELP)
    .action((ids: string[], options: PublishOptions, command: Command) => {
      if (options.root !== true && ids.length === 0) command.error('error: name an authority, or say --root');
      return publish(ids, options);
    });
  crl
    .command('list')
    .description('the last list of each authority, and how long it is still good')
    .argument('[id]', 'one authority')
    .option('--all', 'every number, published or burnt')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
}

type PublishOptions = { readonly root?: true; readonly dryRun?: true; readonly json?: true };

async function publish(ids: readonly string[], { root, dryRun, json }: PublishOptions): Promise<void> {
  const make = root === undefined ? publishIntermediates : publishRoots;
  const needs = root === undefined ? [] : CEREMONY_NEEDS;
  const made = await withSystem((system) => make(system, ids, { dryRun: dryRun === true }), needs);
  const state = dryRun === undefined ? 'published' : 'planned';
  printRows(
    made.map(([id, crl]) => rowOf({ issuer: id, state, ...crl }, new Date())),
    COLUMNS,
    { json },
  );
  if (dryRun) say('dry run: no number was taken, nothing was signed');
}

type List = Omit<PublishedCrl, 'der'>;
type Lists = readonly (readonly [id: string, crl: List])[];
type How = { readonly dryRun: boolean };

async function publishRoots(system: OpenSystem, ids: readonly string[], { dryRun }: How): Promise<Lists> {
  const roots = [...system.authorities.values()].filter(({ kind }) => kind === 'root');
  const chosen = ids.length === 0 ? roots : ids.map((id) => chosenOf(system, id, 'root'));
  return withCeremony(async (room) => {
    for (const authority of chosen) refuseForeignDirectory(room, authority);
    return inTurn(chosen, { dryRun }, (authority) => {
      const command = rootCrlCommand(room, authority);
      return dryRun ? previewCrl(system, authority.id, command) : publishRootCrl(system, command);
    });
  });
}

/** One list after the other, told as it is made. If we stop between two, those before are published and those after are not. */
async function inTurn(
  chosen: readonly Authority[],
  { dryRun }: How,
  make: (authority: Authority) => Promise<List>,
): Promise<Lists> {
  const progress = startProgress(chosen.length);
  const made: [string, List][] = [];
  try {
    for (const authority of chosen) {
      progress.begin(`${authority.id}: ${dryRun ? 'looking' : 'signing and publishing'}`);
      made.push([authority.id, await make(authority)]);
      progress.end(dryRun ? undefined : `${authority.id}: published`);
    }
  } finally {
    progress.stop();
  }
  return made;
}

/** The numbers kept beside another hierarchy's certificates are not those of this database's authorities. */
function refuseForeignDirectory({ directory }: CeremonyRoom, { id, certificate }: Authority): void {
  const file = certificateFile(directory, id);
  const ours = readFileIfThere(file);
  if (ours !== undefined && Buffer.compare(ours, certificate.der) === 0) return;
  throw new Refusal('hierarchy_differs', 'HIERARCHY_DIRECTORY does not belong to this database', [
    {
      rule: 'a database knows one hierarchy',
      at: file,
      detail: 'this is not the certificate that the database has',
      remedy: 'name the directory of this database’s hierarchy',
    },
  ]);
}

async function publishIntermediates(system: OpenSystem, ids: readonly string[], { dryRun }: How): Promise<Lists> {
  const chosen = ids.map((id) => chosenOf(system, id, 'intermediate'));
  return inTurn(chosen, { dryRun }, ({ id }) => (dryRun ? previewCrl(system, id) : publishIntermediate(system, id)));
}

async function publishIntermediate(system: OpenSystem, id: string): Promise<List> {
  await system.db.transaction((tx) =>
    appendAudit(tx, {
      kind: 'crl_requested',
      actor: actorText(operator()),
      subjectId: id,
      at: system.clock(),
      content: {},
    }),
  );
  const crl = await publishCrl(system, id, system.issuing);
  if (crl === undefined) throw new Outage('database', `another publisher makes a CRL of ${id} just now`);
  return crl;
}

function chosenOf(system: OpenSystem, id: string, kind: Authority['kind']): Authority {
  const authority = system.authorities.get(id);
  if (authority?.kind === kind) return authority;
  const wanted =
    authority === undefined
      ? `there is no authority ${id}`
      : `${id} is ${authority.kind === 'root' ? 'a root: say --root' : 'no root'}`;
  throw new Refusal('not_found', wanted);
}

/** More numbers than this are not listed at once: a list a day, for thirty years. */
const MOST = 11_000;

async function list(id: string | undefined, { all = false, json }: { all?: boolean; json?: boolean }): Promise<void> {
  const rows = await withSystem(async (system) => {
    if (id !== undefined && !system.authorities.has(id)) throw new Refusal('not_found', `there is no authority ${id}`);
    const ids = id === undefined ? [...system.authorities.keys()] : [id];
    const lists = await Promise.all(ids.map((issuer) => listCrls(system.db.read, { issuer, limit: MOST })));
    const now = system.clock();
    return lists
      .flatMap((crls) => (all ? crls : crls.filter(({ state }) => state === 'published').slice(0, 1)))
      .map((crl) => rowOf(crl, now));
  });
  printRows(rows, COLUMNS, { json });
}

type Listed = { issuer: string; number: bigint; state: string; thisUpdate: Date; nextUpdate: Date; entries: number };

const rowOf = ({ issuer, number, state, thisUpdate, nextUpdate, entries }: Listed, now: Date) => ({
  issuer,
  number: Number(number),
  state,
  thisUpdate: thisUpdate.toISOString(),
  nextUpdate: nextUpdate.toISOString(),
  entries,
  remaining: state === 'published' || state === 'planned' ? duration(nextUpdate.getTime() - now.getTime()) : null,
});

/** ISO 8601 duration in days and hours; `expired` when there is none left. */
function duration(ms: number): string {
  if (ms <= 0) return 'expired';
  const hours = Math.floor(ms / 3_600_000);
  return `P${Math.floor(hours / 24)}DT${hours % 24}H`;
}
