// igc certificate list, search and export: which certificates there are, newest first, and never all of them in memory.

import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type CertificateFilter,
  LISTED_STATES,
  type ListedState,
  listCertificates,
  searchCertificates,
} from '#db/certificate-list.ts';
import { csvRecord } from '../../src/http/extract.ts';
import { parseMoment } from '../../src/http/list-query.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { keyDigest } from '../../src/x509/keys.ts';
import { certificateRow } from './certificate-document.ts';
import { withSystem } from './operator.ts';
import { isUuid, unusableFile } from './options.ts';
import { printRows, say } from './output.ts';

const LIST_HELP = `
Newest first; what is issued meanwhile comes before. The next page begins after the last id of this one. Dates are RFC 3339, or days,
which begin at 00:00 UTC; each range takes its beginning and leaves out its end. A key is named by its digest, as --json shows it, or by
a file in PEM: a certificate or a public key.

Examples:
  $ igc certificate list --profile serv-ssl --structure 318751275100020
  $ igc certificate list --state issued --not-after-to 2027-01-01
  $ igc certificate list --key server.pem
  $ igc certificate list --limit 20 --after 0199aa00-0000-7000-8000-000000000000
  $ igc certificate list --state burnt --json
`;

const SEARCH_HELP = `
Looks for a certificate whose serial, holder (Struct_IdNat, IdNat_PS) or structure is exactly this text, and for subjects that begin with
it as the list shows them, in capitals or not; CN= may be left out. The middle of a subject is not searched.

Examples:
  $ igc certificate search 5f1c9a0011223344556677889900aabb
  $ igc certificate search 899700075064
  $ igc certificate search www.exemple
`;

const EXPORT_HELP = `
Every certificate that fits, without a bound, to stdout or to a new file of mode 0600. In CSV each field is in quotes, and an
apostrophe stands before what a spreadsheet would take for a formula. Progress goes to stderr.

Examples:
  $ igc certificate export --format csv --out certificates.csv
  $ igc certificate export --format ndjson --state revoked --created-from 2026-01-01
`;

const COLUMNS = ['id', 'profile', 'state', 'serial', 'issuer', 'notAfter', 'subject'] as const;

type FilterOptions = {
  readonly profile?: string;
  readonly structure?: string;
  readonly holder?: string;
  readonly serial?: Uint8Array;
  readonly key?: Uint8Array;
  readonly state?: ListedState;
  readonly notBeforeFrom?: Date;
  readonly notBeforeTo?: Date;
  readonly notAfterFrom?: Date;
  readonly notAfterTo?: Date;
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
};
type ListOptions = FilterOptions & { readonly limit: number; readonly after?: string; readonly json?: true };
type ExportOptions = FilterOptions & { readonly format: 'csv' | 'ndjson'; readonly out?: string; readonly json?: true };

/** Adds `igc certificate list`, `search` and `export`. */
export function addListCommands(certificate: Command): void {
  withFilter(certificate.command('list').description('certificates, newest first'))
    .option('--limit <n>', 'at most so many', positive, 50)
    .option('--after <id>', 'those after this one, from the page before', uuid)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  certificate
    .command('search')
    .description('certificates by serial, holder, structure, or the beginning of their subject')
    .argument('<text>', 'at least three characters', searchable)
    .option('--limit <n>', 'at most so many', positive, 50)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', SEARCH_HELP)
    .action(search);
  withFilter(certificate.command('export').description('every certificate that fits, as CSV or NDJSON'))
    .addOption(new Option('--format <format>', 'of the extract').choices(['csv', 'ndjson']).default('csv'))
    .option('--out <file>', 'write this new file instead of stdout')
    .addOption(new Option('--json', 'the same as --format ndjson').implies({ format: 'ndjson' }))
    .addHelpText('after', EXPORT_HELP)
    .action(exportAll);
}

const withFilter = (command: Command): Command =>
  command
    .option('--profile <name>', 'of this profile')
    .option('--structure <Struct_IdNat>', 'of this structure')
    .option('--holder <identifier>', 'of this holder: Struct_IdNat or IdNat_PS')
    .option('--serial <hex>', 'with this serial', serial)
    .option('--key <digest|file>', 'with this public key', key)
    .addOption(new Option('--state <state>', 'in this state').choices(LISTED_STATES))
    .option('--not-before-from <date>', 'valid from this moment or later', moment)
    .option('--not-before-to <date>', 'valid from an earlier moment', moment)
    .option('--not-after-from <date>', 'valid until this moment or later', moment)
    .option('--not-after-to <date>', 'valid until an earlier moment', moment)
    .option('--created-from <date>', 'recorded at this moment or later', moment)
    .option('--created-to <date>', 'recorded earlier', moment);

function filterOf(options: FilterOptions): CertificateFilter {
  const { profile, structure, holder, serial, key, state } = options;
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(structure === undefined ? {} : { structure }),
    ...(holder === undefined ? {} : { holder }),
    ...(serial === undefined ? {} : { serial }),
    ...(key === undefined ? {} : { key }),
    ...(state === undefined ? {} : { state }),
    notBefore: { from: options.notBeforeFrom, to: options.notBeforeTo },
    notAfter: { from: options.notAfterFrom, to: options.notAfterTo },
    created: { from: options.createdFrom, to: options.createdTo },
  };
}

async function list(options: ListOptions): Promise<void> {
  const { limit, after, json } = options;
  const rows = await withSystem(async (system) => {
    const now = system.clock();
    const found = await listCertificates(system.db.read, filterOf(options), { limit, now, after });
    return found.map((row) => certificateRow(row, now));
  });
  printRows(rows, COLUMNS, { json });
  const last = rows.at(-1);
  if (last !== undefined && rows.length === limit) say(`there may be more: --after ${last.id}`);
}

async function search(text: string, { limit, json }: { limit: number; json?: true }): Promise<void> {
  const rows = await withSystem(async (system) => {
    const now = system.clock();
    const found = await searchCertificates(system.db.read, text, limit);
    return found.map((row) => certificateRow(row, now));
  });
  printRows(rows, COLUMNS, { json });
  if (rows.length === limit) say('there may be more: a longer text finds fewer');
}

const EXPORT_PAGE = 1_000;
const EXPORT_PROGRESS = 10_000;

async function exportAll(options: ExportOptions): Promise<void> {
  await withSystem(async (system) => {
    const pieces = exported(system, options);
    if (options.out !== undefined) await writeNewFile(options.out, pieces);
    else for await (const piece of pieces) await written(piece);
  });
}

/** Names of people stand in it, so that it is the caller's alone. What is half written is removed, for it would look whole. */
async function writeNewFile(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw unusableFile('--out', path, error);
  });
  try {
    await pipeline(Readable.from(pieces), file.createWriteStream());
  } catch (error) {
    await rm(path);
    throw error;
  }
}

/** One piece for each page that was read. */
async function* exported(system: OpenSystem, options: ExportOptions): AsyncGenerator<string> {
  const now = system.clock();
  const line = options.format === 'csv' ? csvLine : ndjsonLine;
  let count = 0;
  if (options.format === 'csv') yield csvRecord(EXPORTED);
  for (let after: string | undefined; ; ) {
    const page = { limit: EXPORT_PAGE, now, after };
    const rows = await listCertificates(system.db.read, filterOf(options), page);
    if (rows.length > 0) yield rows.map((row) => line(certificateRow(row, now))).join('');
    count += rows.length;
    if (count % EXPORT_PROGRESS === 0 && rows.length > 0) say(`${count} certificates …`);
    after = rows.at(-1)?.id;
    if (rows.length < EXPORT_PAGE) break;
  }
  say(`${count} certificates exported`);
}

type ExportedRow = ReturnType<typeof certificateRow>;

const EXPORTED = [
  ...(['id', 'profile', 'state', 'issuer', 'serial', 'subject', 'structure', 'holder', 'keyDigest'] as const),
  ...(['notBefore', 'notAfter', 'created', 'revokedAt', 'reason', 'actor'] as const),
] as const satisfies readonly (keyof ExportedRow)[];

const csvLine = (row: ExportedRow): string => csvRecord(EXPORTED.map((column) => row[column] ?? ''));
const ndjsonLine = (row: ExportedRow): string => `${JSON.stringify(row)}\n`;

/** Waits until stdout has room again. */
const written = (text: string): Promise<void> =>
  new Promise((resolve) => {
    if (process.stdout.write(text)) resolve();
    else process.stdout.once('drain', resolve);
  });

function positive(text: string): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1) throw new InvalidArgumentError('a whole number from 1 to 99999');
  return number;
}

function uuid(text: string): string {
  if (!isUuid(text)) throw new InvalidArgumentError('the id of a certificate, as `igc certificate list` prints it');
  return text.toLowerCase();
}

function searchable(text: string): string {
  if (text.length < 3) throw new InvalidArgumentError('at least three characters');
  return text;
}

function serial(text: string): Uint8Array {
  const hex = text.replaceAll(':', '');
  if (!/^([0-9a-f]{2}){1,20}$/i.test(hex))
    throw new InvalidArgumentError('a serial in hexadecimal, as openssl prints it');
  return Buffer.from(hex, 'hex');
}

function key(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  try {
    return keyDigest(createPublicKey(readFileSync(text)).export({ type: 'spki', format: 'der' }));
  } catch {
    throw new InvalidArgumentError(
      'a digest of 64 hexadecimal digits, or a file with a certificate or public key in PEM',
    );
  }
}

function moment(text: string): Date {
  const date = parseMoment(text);
  if (date === undefined) throw new InvalidArgumentError('a date such as 2026-11-21 or 2026-11-21T10:00:00Z');
  return date;
}
