// What the commands share of their arguments.

import { CommanderError } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

/** A repeatable option: every value, in the order of the command line. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Whether a word has the form of a row id. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** A file named on the command line that cannot be used: wrong arguments, like any other. */
export function unusableFile(option: string, path: string, error: unknown): CommanderError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unreadable';
  const remedy = code === 'EEXIST' ? ': name a file that does not exist yet; this one is not overwritten' : '';
  const message = `error: ${option} ${path} cannot be used (${code})${remedy}`;
  process.stderr.write(`${message}\n`);
  return new CommanderError(EXIT_CODES.usage[0], 'igc.unusableFile', message);
}
