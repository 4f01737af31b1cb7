// The command line as a whole: its nouns, what holds for all of them, and the page that `igc --help` shows.

import { Command } from 'commander';
import { addAdministratorCommands } from './administrator.ts';
import { addAlarmCommands } from './alarms.ts';
import { addCertificateCommands } from './certificate.ts';
import { addCompletionCommand } from './completion.ts';
import { addConsentCommands } from './consent.ts';
import { addContactCommands } from './contact.ts';
import { addCrlCommands } from './crl.ts';
import { addDirectoryCommands } from './directory.ts';
import { addDoctorCommand } from './doctor.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { addHierarchyCommands } from './hierarchy.ts';
import { addJobCommands } from './jobs.ts';
import { addNoticeCommands } from './notice.ts';
import { addOcspCommands } from './ocsp.ts';
import { addProfileCommands } from './profile.ts';
import { addStructureCommands } from './structure.ts';
import { addWebhookCommands } from './webhook.ts';

const HELP = `
Results are on stdout: a table, or with --json one JSON document or one object a line. Progress and errors are on stderr. Where
things are comes from the environment; PINs come from the files that it names. \`igc <command> <subcommand> --help\` has examples.

Exit codes:
${Object.values(EXIT_CODES)
  .map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`)
  .join('\n')}
`;

/** Every command of igc. Parsing throws CommanderError for wrong arguments, and whatever the command throws. */
export function buildProgram(): Command {
  const program = new Command('igc')
    .description('operators’ commands of igc-sante')
    .exitOverride()
    .configureHelp({ helpWidth: 120 })
    .showHelpAfterError('(--help shows the arguments, with examples)')
    .addHelpText('after', HELP);
  addHierarchyCommands(program);
  addCertificateCommands(program);
  addCrlCommands(program);
  addOcspCommands(program);
  addStructureCommands(program);
  addAdministratorCommands(program);
  addContactCommands(program);
  addNoticeCommands(program);
  addConsentCommands(program);
  addProfileCommands(program);
  addJobCommands(program);
  addAlarmCommands(program);
  addDirectoryCommands(program);
  addWebhookCommands(program);
  addDoctorCommand(program);
  addCompletionCommand(program);
  return program;
}
