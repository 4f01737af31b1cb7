// igc doctor: is everything there, does it fit together, and what ends soon. It looks, and changes nothing.

import { type Command, CommanderError } from 'commander';
import { type Config, loadConfig } from '../../src/config.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { createLog, errorFacts } from '../../src/log.ts';
import { type OpenSystem, openSystem } from '../../src/open-system.ts';
import { loadPolicies, type Policies } from '../../src/policy/load.ts';
import { type Check, fail, ok } from './check.ts';
import { checkApiCertificate, checkDirectory, checkNode, checkSecretFiles } from './checks-here.ts';
import {
  checkAlarms,
  checkBacklogs,
  checkClock,
  checkCrls,
  checkLdap,
  checkMail,
  checkResponders,
  checkSameAuthorities,
  checkSigners,
} from './checks-service.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { printRows } from './output.ts';

const HELP = `
One line for each check: ok, warn (look at it soon) or fail (something does not work), with the remedy beneath. What cannot be
looked at because something before it fails is left out.

Exits with 0 when nothing fails, warnings or not, and with ${EXIT_CODES.unhealthy[0]} otherwise.

Examples:
  $ igc doctor
  $ igc doctor --json | jq -r 'select(.state != "ok") | .check + ": " + .remedy'
`;

/** Adds `igc doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check configuration, hierarchy, database, signers, CRLs and responders')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', HELP)
    .action(doctor);
}

async function doctor({ json }: { json?: boolean }): Promise<void> {
  const checks = await examine();
  if (json) printRows(checks, ['check'], { json });
  else process.stdout.write(checks.map(lineOf).join(''));
  if (checks.some(({ state }) => state === 'fail')) {
    throw new CommanderError(EXIT_CODES.unhealthy[0], 'igc.unhealthy', 'something fails');
  }
}

const lineOf = ({ state, check, detail, remedy }: Check): string =>
  `${state.padEnd(4)}  ${check.padEnd(30)}  ${detail}\n${remedy === null ? '' : `      → ${remedy}\n`}`;

/** Every check that can be made, in the order in which one depends on another. */
async function examine(): Promise<readonly Check[]> {
  const checks: Check[] = [checkNode()];
  const config = attempt(checks, 'configuration', 'the environment is usable', () => loadConfig());
  if (config === undefined) return checks;
  checks.push(...checkSecretFiles(config), ...checkApiCertificate(config, new Date()));
  const policies = attempt(checks, 'policies', 'every file is valid', () =>
    loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY),
  );
  if (policies === undefined) return checks;
  checks.push(checkDirectory(config, policies), ...(await examineSystem(config, policies)));
  return checks;
}

async function examineSystem(config: Config, { hierarchy }: Policies): Promise<readonly Check[]> {
  let system: OpenSystem;
  try {
    system = await openSystem(config, { role: 'operator', log: createLog(config, 'igc') });
  } catch (error) {
    return [failure('database', error)];
  }
  try {
    const parts: readonly (readonly [string, () => Promise<readonly Check[]>])[] = [
      ['hierarchy in the database', async () => [checkSameAuthorities(system)]],
      ['clock', async () => [await checkClock(system)]],
      ['signers', () => checkSigners(system)],
      ['CRLs', () => checkCrls(system)],
      ['OCSP responders', () => checkResponders(system)],
      ['backlogs', () => checkBacklogs(system)],
      ['alarms', () => checkAlarms(system)],
      ['LDAP directory', () => checkLdap(system)],
      ['mail', async () => [await checkMail(system)]],
    ];
    const checks: Check[] = [ok('database', `migrated, hierarchy ${hierarchy.name}`)];
    for (const [name, look] of parts) checks.push(...(await look().catch((error: unknown) => [failure(name, error)])));
    return checks;
  } finally {
    await system.close();
  }
}

function attempt<T>(checks: Check[], check: string, good: string, look: () => T): T | undefined {
  try {
    const found = look();
    checks.push(ok(check, good));
    return found;
  } catch (error) {
    checks.push(failure(check, error));
    return undefined;
  }
}

function failure(check: string, error: unknown): Check {
  if (error instanceof Refusal) {
    const [first] = error.findings;
    const detail = first === undefined ? error.message : `${error.message}: ${first.at ?? ''} ${first.detail}`;
    return fail(check, detail, first?.remedy ?? 'correct what is named');
  }
  if (error instanceof Outage)
    return fail(check, error.message, `see that the ${error.what} is there, and that its address is right`);
  return fail(check, JSON.stringify(errorFacts(error)), 'this is a bug: report it');
}
