// How igc answers: results on stdout as a table or as JSON, everything else on stderr, and one exit code for each kind of end.

import { CommanderError } from 'commander';
import { type Finding, Outage, Refusal } from '../../src/errors.ts';
import { errorFacts } from '../../src/log.ts';
import { EXIT_CODES } from './exit-codes.ts';

export type Cell = string | number | boolean | null | readonly string[];
export type Row = Readonly<Record<string, Cell>>;
export type Json = Cell | readonly Json[] | { readonly [name: string]: Json };

/** Prints rows: a table of `columns`, or with `json` one whole row a line (NDJSON), also when there is none. */
export function printRows<R extends Row>(
  rows: readonly R[],
  columns: readonly (keyof R & string)[],
  { json = false }: { json?: boolean | undefined },
): void {
  if (json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else
    process.stdout.write(
      formatTable(
        columns,
        rows.map((row) => columns.map((column) => text(row[column] ?? null))),
      ),
    );
}

/** Prints one result: a line for each field, or with `json` one document on one line. */
export function printDocument(
  document: { readonly [name: string]: Json },
  { json = false }: { json?: boolean | undefined },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(document).map((name) => name.length));
  for (const [name, value] of Object.entries(document)) {
    const shown =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? JSON.stringify(value)
        : text(value as Cell);
    process.stdout.write(`${name.padEnd(width)}  ${shown}\n`);
  }
}

/** A line of progress or advice. */
export const say = (line: string): void => {
  process.stderr.write(`${printable(line)}\n`);
};

const text = (cell: Cell): string =>
  printable(cell === null ? '' : Array.isArray(cell) ? cell.join(' ') : String(cell));

/** Nothing that a terminal would obey or hide: control and format characters become their numbers. */
export const printable = (value: string): string =>
  value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

function formatTable(columns: readonly string[], cells: readonly (readonly string[])[]): string {
  const lines = [columns, ...cells];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => [...(line[at] ?? '')].length)));
  const padded = (line: readonly string[]): string =>
    line
      .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd();
  return lines.map((line) => `${padded(line)}\n`).join('');
}

/** The exit code that tells this end. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError && error.code.startsWith('igc.')) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok[0] : EXIT_CODES.usage[0];
  if (error instanceof Outage) return EXIT_CODES.outage[0];
  if (isFileError(error)) return EXIT_CODES.configuration[0];
  if (!(error instanceof Refusal)) return EXIT_CODES.bug[0];
  if (error.code === 'not_found') return EXIT_CODES.notFound[0];
  const configuration = error.code === 'configuration_invalid' || error.code === 'hierarchy_differs';
  return configuration ? EXIT_CODES.configuration[0] : EXIT_CODES.refused[0];
}

/** Tells on stderr what went wrong; as one JSON document with `json`. A CommanderError was told where it was thrown. */
export function reportError(error: unknown, { json }: { json: boolean }): void {
  if (error instanceof CommanderError) return;
  const facts = factsOf(error);
  if (json) {
    process.stderr.write(`${JSON.stringify(facts)}\n`);
    return;
  }
  say(`igc: ${facts.code}: ${facts.detail}`);
  for (const { rule, at, detail, remedy } of facts.findings) {
    say(`  ${at === undefined ? '' : `${at}: `}${detail} (${rule})`);
    if (remedy !== undefined) say(`    → ${remedy}`);
  }
}

function factsOf(error: unknown): { code: string; detail: string; findings: readonly Finding[] } {
  if (error instanceof Refusal) return { code: error.code, detail: error.message, findings: error.findings };
  if (error instanceof Outage) return { code: `${error.what}_away`, detail: error.message, findings: [] };
  if (isFileError(error)) return { code: 'file_unusable', detail: `${error.path}: ${error.code}`, findings: [] };
  return { code: 'bug', detail: JSON.stringify(errorFacts(error)), findings: [] };
}

/** A file or folder that the configuration names and that cannot be read or written. */
const isFileError = (error: unknown): error is Error & { path: string; code: string } =>
  error instanceof Error && 'syscall' in error && 'path' in error && 'code' in error;
