// One run of igc: parse, act, tell what went wrong, and answer the exit code.

import { EXIT_CODES } from './exit-codes.ts';
import { exitCodeOf, reportError } from './output.ts';
import { buildProgram } from './program.ts';

/** Runs a command line, program names left out; answers the exit code and never throws. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync(args, { from: 'user' });
    return EXIT_CODES.ok[0];
  } catch (error) {
    reportError(error, { json: args.includes('--json') });
    return exitCodeOf(error);
  }
}
