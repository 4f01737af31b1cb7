// The final table, at most 120 columns wide: a long subject goes on below, broken between its parts, and the key stands under the
// serial.

import type { Row } from './read-back.ts';

const HEAD = ['profile', 'subject', 'serial, key', 'verified by', 'status'];
const SUBJECT_WIDTH = 46;

/** The lines of each cell, in the order of the columns. */
type Cells = readonly (readonly string[])[];

/** The rows as aligned text, without an end of line. */
export function formatTable(rows: readonly Row[]): string {
  const body = rows.map(cellsOf);
  const head = HEAD.map((title) => [title]);
  const widths = HEAD.map((_, at) =>
    Math.max(...[head, ...body].flatMap((cells) => (cells[at] ?? []).map((line) => line.length))),
  );
  const rule = widths.map((width) => ['─'.repeat(width)]);
  return [head, rule, ...body].flatMap((cells) => linesOf(cells, widths)).join('\n');
}

const cellsOf = ({ profile, subject, serial, key, verifiedBy, status }: Row): Cells => [
  ...[[profile], breakSubject(subject), [serial, key], [verifiedBy], [status]],
];

/** One row: as many lines as its highest cell has. */
function linesOf(cells: Cells, widths: readonly number[]): readonly string[] {
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((cell, at) => (cell[line] ?? '').padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Breaks after a comma between two RDNs (RFC 4514 escapes those in values); joined again, the lines are the subject. */
function breakSubject(subject: string): readonly string[] {
  const lines: string[] = [];
  for (const part of subject.match(/(?:\\.|[^\\,])+,?/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && (last + part).length <= SUBJECT_WIDTH) lines[lines.length - 1] = last + part;
    else lines.push(part);
  }
  return lines;
}
