// igc profile: what may be certified, for people who answer for it: the profiles in force, one of them in words, and a folder of
// policies judged before anybody starts a service with it.

import { type Command, CommanderError } from 'commander';
import { loadConfig } from '../../src/config.ts';
import { type Finding, Refusal } from '../../src/errors.ts';
import { hierarchyDigest } from '../../src/policy/hierarchy.ts';
import { loadPolicies, type Policies } from '../../src/policy/load.ts';
import { profileSummary } from '../../src/policy/profile.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type Json, printable, printDocument, printRows, say } from './output.ts';
import { keysText, profileLines, validityText } from './profile-text.ts';

const LIST_HELP = `
Orders come from technical administrators over the API (an operator may stand in for them); the rest is issued by operators, or by the
service for itself.

Examples:
  $ igc profile list
  $ igc profile list --json | jq -r 'select(.issuedBy == "order") | .name'
`;

const SHOW_HELP = `
Text in braces is filled in from the holder. What every profile has alike (basic constraints, key identifiers, certificate policy) is not
repeated here.

Examples:
  $ igc profile show serv-ssl
  $ igc profile show serv-ssl --json | jq .keyUsage
`;

const CHECK_HELP = `
Run it before a change of policies is proposed: nothing is started, nothing is changed, no database is asked. Every finding of the
files is told with its place; a hierarchy that cannot be read hides those of the profiles. When all is well, each profile is listed
with what changes against POLICIES_DIRECTORY: new, changed, gone, or same.

Exits with 0 when the service would accept the folder, and with ${EXIT_CODES.configuration[0]} otherwise.

Examples:
  $ igc profile check
  $ igc profile check ../proposal/policies
  $ igc profile check ../proposal/policies --hierarchy production --json
`;

/** Adds `igc profile`. */
export function addProfileCommands(program: Command): void {
  const profile = program.command('profile').description('certificate profiles (gabarits): what may be certified');
  profile
    .command('list')
    .description('every profile, by name')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  profile
    .command('show')
    .description('one profile, with the reasons for its choices')
    .argument('<name>', 'as `igc profile list` names it')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', SHOW_HELP)
    .action(show);
  profile
    .command('check')
    .description('judge a folder of policies without starting anything')
    .argument('[directory]', 'POLICIES_DIRECTORY unless named')
    .option('--hierarchy <branch>', 'its file in hierarchy/, HIERARCHY unless named')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', CHECK_HELP)
    .action(check);
}

const loaded = (): Policies => {
  const { POLICIES_DIRECTORY, HIERARCHY } = loadConfig();
  return loadPolicies(POLICIES_DIRECTORY, HIERARCHY);
};

function list({ json }: { json?: boolean }): void {
  const profiles = [...loaded().profiles.values()];
  if (json) for (const profile of profiles) printDocument(plain(profileSummary(profile)), { json });
  else
    printRows(
      profiles.map((profile) => ({
        name: profile.name,
        issuedBy: profile.issuedBy,
        holder: profile.holder,
        issuer: profile.issuers.length === 1 ? (profile.issuers[0] ?? null) : profile.issuer,
        validity: validityText(profile.validity),
        keys: keysText(profile.keys),
        title: profile.title.fr,
      })),
      ['name', 'issuedBy', 'holder', 'issuer', 'validity', 'keys', 'title'],
      {},
    );
}

function show(name: string, { json }: { json?: boolean }): void {
  const profile = loaded().profiles.get(name);
  if (profile === undefined) throw new Refusal('not_found', `there is no profile ${name}`);
  if (json) printDocument(plain(profile), { json });
  else
    process.stdout.write(
      profileLines(profile)
        .map((line) => `${printable(line)}\n`)
        .join(''),
    );
}

/** Profiles are read from YAML: plain data all through. */
const plain = (data: object): { readonly [name: string]: Json } => JSON.parse(JSON.stringify(data));

type CheckOptions = { readonly hierarchy?: string; readonly json?: boolean };

function check(directory: string | undefined, { hierarchy, json }: CheckOptions): void {
  const config = loadConfig();
  const branch = hierarchy ?? config.HIERARCHY;
  const findings: Finding[] = [];
  const checked = readOr(findings, directory ?? config.POLICIES_DIRECTORY, branch);
  if (checked === undefined) {
    printFindings(findings, { json });
    throw new CommanderError(EXIT_CODES.configuration[0], 'igc.policiesRefused', 'the policies are refused');
  }
  // What is in force may itself be broken, and be what the folder mends.
  const inForce = readOr([], config.POLICIES_DIRECTORY, branch);
  printRows(changes(checked, inForce), ['name', 'change', 'digest'], { json });
  if (inForce !== undefined && hierarchyDigest(inForce.hierarchy) !== hierarchyDigest(checked.hierarchy))
    say(
      `hierarchy ${branch}: names, keys or URLs differ from those in force; a service whose branch is created refuses that`,
    );
  say(`accepted: hierarchy ${checked.hierarchy.name} and ${checked.profiles.size} profiles`);
}

function readOr(findings: Finding[], directory: string, branch: string): Policies | undefined {
  try {
    return loadPolicies(directory, branch);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    findings.push(...error.findings);
    return undefined;
  }
}

function printFindings(findings: readonly Finding[], { json = false }: { json?: boolean | undefined }): void {
  const rows = findings.map(({ at = '', detail, rule }) => ({ at, detail, rule }));
  if (json) printRows(rows, ['at'], { json });
  else for (const { at, detail, rule } of rows) process.stdout.write(`${printable(`${at}: ${detail} (${rule})`)}\n`);
  say(`refused: ${findings.length} finding(s)`);
}

function changes(checked: Policies, inForce: Policies | undefined) {
  const names = new Set([...checked.profiles.keys(), ...(inForce?.profiles.keys() ?? [])]);
  return [...names].sort().map((name) => {
    const now = checked.profiles.get(name)?.digest;
    const before = inForce?.profiles.get(name)?.digest;
    const change = now === undefined ? 'gone' : before === undefined ? 'new' : now === before ? 'same' : 'changed';
    return { name, change, digest: now ?? null };
  });
}
