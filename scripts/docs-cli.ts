// Writes docs/cli.md from the commands. Run by hand after a command has changed: `npm run docs:cli`; tests only compare.

import { writeFileSync } from 'node:fs';
import { buildProgram } from './commands/program.ts';
import { describeCommands } from './commands/reference.ts';

writeFileSync(new URL('../docs/cli.md', import.meta.url), describeCommands(buildProgram()));
