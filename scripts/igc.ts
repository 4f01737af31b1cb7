// igc, the operators' command line: one file per noun in scripts/commands/. Results go to stdout, everything else to stderr, and
// the exit code tells the kind of end.

import { EXIT_CODES } from './commands/exit-codes.ts';
import { run } from './commands/run.ts';

// A reader that has seen enough, as `| head` has, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CODES.ok[0]);
});

process.exitCode = await run(process.argv.slice(2));
