// igc, the operators' command line: one file per noun in scripts/commands/. Results go to stdout, everything else to stderr, and
// the exit code tells the kind of end.

import '#db/resolve-drizzle.ts';
import { EXIT_CODES } from './commands/exit-codes.ts';

// A reader that has seen enough, as `| head` has, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CODES.ok[0]);
});

// loaded only now: the commands lead to the database
const { run } = await import('./commands/run.ts');
process.exitCode = await run(process.argv.slice(2));
