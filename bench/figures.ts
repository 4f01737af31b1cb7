// How figures are said: one JSON object a line on stdout, for machines, and a table on stderr, for people.

export type Figure = { readonly name: string; readonly value: number; readonly unit: string };

/** Three significant digits more than noise deserves, and no exponent. */
export const rounded = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

/** Says one figure on stdout. */
export function say(figure: Figure): void {
  process.stdout.write(`${JSON.stringify({ ...figure, value: rounded(figure.value) })}\n`);
}

/** The value below which `part` (0 to 1) of the values lie; the nearest rank, so always one of them. NaN without any. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value, the mean of the two middle ones where their number is even. NaN without any. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** Writes lines of columns to stderr, the first column to the left and the others to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? String(rounded(cell)) : cell)));
  const width = (column: number): number => Math.max(...texts.map((row) => row[column]?.length ?? 0));
  for (const row of texts) {
    const cells = row.map((cell, at) => (at === 0 ? cell.padEnd(width(at)) : cell.padStart(width(at))));
    process.stderr.write(`  ${cells.join('  ').trimEnd()}\n`);
  }
}

/** Writes one line to stderr. */
export const remark = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
