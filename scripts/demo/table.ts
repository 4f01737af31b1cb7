// The final table, at most 120 columns wide: a long subject goes on below, broken between its parts.

import type { Row } from './read-back.ts';

const COLUMNS = ['profile', 'subject', 'serial', 'verifiedBy', 'status'] as const;
const HEAD: Row = {
  profile: 'profile',
  subject: 'subject',
  serial: 'serial',
  verifiedBy: 'verified by',
  status: 'status',
};
const SUBJECT_WIDTH = 46;

/** The rows as aligned text, without an end of line. */
export function formatTable(rows: readonly Row[]): string {
  const broken = [HEAD, ...rows].map((row) => ({ ...row, subject: breakSubject(row.subject) }));
  const width = (column: (typeof COLUMNS)[number]): number =>
    Math.max(...broken.map((row) => Math.max(...[row[column]].flat().map((cell) => cell.length))));
  const widths = COLUMNS.map(width);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const [head = '', ...body] = broken.flatMap(({ subject, ...row }) =>
    subject.map((part, at) =>
      line(COLUMNS.map((column) => (column === 'subject' ? part : at === 0 ? row[column] : ''))),
    ),
  );
  return [head, line(widths.map((columns) => '─'.repeat(columns))), ...body].join('\n');
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
