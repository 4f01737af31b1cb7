// Extracts of the certificate list as CSV and as NDJSON. Every value is written so that its reader takes it for a value: a
// spreadsheet never for a formula, a parser never for the end of a field or of a line.

import type { CertificateSummaryView } from '../ra/certificate-view.ts';
import { summaryJson } from './certificate-summary.ts';

export const CSV = 'text/csv; charset=utf-8; header=present';
export const NDJSON = 'application/x-ndjson';
export type ExtractType = typeof CSV | typeof NDJSON;

const COLUMNS: readonly (readonly [name: string, value: (row: CertificateSummaryView) => string])[] = [
  ['id', ({ id }) => id],
  ['profile', ({ profile }) => profile],
  ['state', ({ state }) => state],
  ['issuer', ({ issuer }) => issuer],
  ['serial', ({ serial }) => serial],
  ['subject', ({ subject }) => subject],
  ['structure', ({ holder }) => holder.structure],
  ['holder', ({ holder }) => holder.identifier],
  ['keyDigest', ({ keyDigest }) => keyDigest],
  ['notBefore', ({ notBefore }) => notBefore],
  ['notAfter', ({ notAfter }) => notAfter],
  ['created', ({ created }) => created],
  ['revokedAt', ({ revocation }) => revocation?.revokedAt ?? ''],
  ['revocationReason', ({ revocation }) => revocation?.reason ?? ''],
];

/**
 * One field of a CSV record (RFC 4180 §2 Definition of the CSV Format), always in quotes. An apostrophe stands before what makes a
 * spreadsheet calculate, at the beginning and behind anything that a spreadsheet of another country may take for a separator.
 */
const csvField = (value: string): string =>
  `"${value.replace(/(?<=^|[;,|\t\r\n])(?=[=+\-@\t\r\n＝＋－＠])/g, "'").replaceAll('"', '""')}"`;

/** One record, with its line end. */
export const csvRecord = (fields: readonly string[]): string => `${fields.map(csvField).join(',')}\r\n`;

const WRITERS: Readonly<Record<ExtractType, { head: string; line: (row: CertificateSummaryView) => string }>> = {
  [CSV]: {
    head: csvRecord(COLUMNS.map(([name]) => name)),
    line: (row) => csvRecord(COLUMNS.map(([, value]) => value(row))),
  },
  // JSON.stringify escapes every control character, so that a line ends where its document does
  [NDJSON]: { head: '', line: (row) => `${JSON.stringify(summaryJson(row))}\n` },
};

/** Rows that go out together: a system call for each would cost more than the row. */
const ROWS_OF_A_CHUNK = 100;

/** The text of an extract, piece by piece, as fast as its reader takes it. */
export async function* extractText(
  type: ExtractType,
  rows: AsyncIterable<CertificateSummaryView>,
): AsyncGenerator<string> {
  const { head, line } = WRITERS[type];
  let lines = head === '' ? [] : [head];
  for await (const row of rows) {
    lines.push(line(row));
    if (lines.length < ROWS_OF_A_CHUNK) continue;
    yield lines.join('');
    lines = [];
  }
  if (lines.length > 0) yield lines.join('');
}
