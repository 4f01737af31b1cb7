// igc directory: how far the LDAP directory has followed, and a comparison of all of it with the database.

import { randomUUID } from 'node:crypto';
import { type Command, CommanderError } from 'commander';
import { appendAudit } from '#db/audit.ts';
import { actorText } from '../../src/actor.ts';
import { directoryLag } from '../../src/directory/lag.ts';
import { openConnection } from '../../src/directory/ldap.ts';
import { type Reconciliation, reconcileDirectory } from '../../src/directory/reconcile.ts';
import { type LdapSettings, ldapSettings } from '../../src/directory/settings.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows, say } from './output.ts';
import { startProgress } from './progress.ts';

const STATUS_HELP = `
Asks the database alone. \`waiting\` counts changes that the directory has not followed, \`refused\` entries that it does not take; these
are tried again by themselves, and \`reasons\` are LDAP result codes.

Example:
  $ igc directory status
`;

const RECONCILE_HELP = `
Compares every entry of the directory with the database. Nothing is written unless --mend is said; then what is missing, extra or wrong
is made right. The worker may run meanwhile.

Exits with ${EXIT_CODES.unhealthy[0]} when differences are left.

Examples:
  $ igc directory reconcile
  $ igc directory reconcile --mend
`;

/** Adds `igc directory`. */
export function addDirectoryCommands(program: Command): void {
  const directory = program.command('directory').description('the LDAP directory of certificates and lists');
  directory
    .command('status')
    .description('how far the directory has followed, and what it refuses')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', STATUS_HELP)
    .action(status);
  directory
    .command('reconcile')
    .description('compare the whole directory with the database')
    .option('--dry-run', 'only show what differs (the default)')
    .option('--mend', 'make right what differs')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', RECONCILE_HELP)
    .action((options: ReconcileOptions, command: Command) => {
      if (options.mend && options.dryRun) command.error('error: say --dry-run or --mend, not both');
      return reconcile(options);
    });
}

async function status({ json }: { json?: boolean }): Promise<void> {
  const document = await withSystem(async (system) => {
    const lag = await directoryLag(system);
    return {
      state: system.config.LDAP_URL === undefined ? 'off: LDAP_URL is not set' : 'on',
      waiting: lag.rows,
      refused: lag.refused,
      refusedSince: lag.refusedSince?.toISOString() ?? null,
      reasons: lag.reasons,
      completeAt: lag.completeAt?.toISOString() ?? null,
    };
  });
  printDocument(document, { json });
}

type ReconcileOptions = { readonly mend?: true; readonly dryRun?: true; readonly json?: true };

async function reconcile({ mend = false, json }: { mend?: boolean; json?: boolean }): Promise<void> {
  const done = await withSystem((system) => compare(system, mend), ['LDAP_URL']);
  const { differences, compared, refused } = done;
  printRows(
    differences.map(({ kind, entry }) => ({ kind, entry })),
    ['kind', 'entry'],
    { json },
  );
  const mended = mend ? `, ${differences.length - refused} mended` : '';
  say(`${compared} entries compared, ${differences.length} differ${mended}`);
  if (mend ? refused > 0 : differences.length > 0)
    throw new CommanderError(EXIT_CODES.unhealthy[0], 'igc.unhealthy', 'the directory differs from the database');
}

const CONNECTIONS = 4;
/** Lists of 35 MB are read too. */
const TIMEOUT_MS = 50_000;

async function compare(system: OpenSystem, mend: boolean): Promise<Reconciliation> {
  const settings = settingsOf(system);
  const connections = Array.from({ length: CONNECTIONS }, () => openConnection(settings, TIMEOUT_MS));
  const progress = startProgress();
  progress.begin('comparing');
  try {
    // If we stop after this line, the audit says that somebody began to mend, which is what happened.
    if (mend) await auditMending(system);
    return await reconcileDirectory(system, connections, {
      mend,
      holder: randomUUID(),
      onProgress: (compared, differ) => progress.say(`${compared} entries compared, ${differ} differ`),
    });
  } finally {
    progress.stop();
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

function settingsOf({ config }: OpenSystem): LdapSettings {
  const settings = ldapSettings(config);
  if (settings === undefined) throw new Refusal('configuration_invalid', 'LDAP_URL is not set: the directory is off');
  return settings;
}

const auditMending = ({ db, clock }: OpenSystem): Promise<void> =>
  db.transaction((tx) =>
    appendAudit(tx, {
      kind: 'directory_mended',
      actor: actorText(operator()),
      subjectId: 'directory',
      at: clock(),
      content: {},
    }),
  );
