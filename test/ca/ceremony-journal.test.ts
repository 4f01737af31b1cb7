import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { certificateMade, openIntents, openJournal } from '../../src/ca/ceremony-journal.ts';

let path: string;
let directory: string;
const open = () => openJournal(path, { operator: 'operator:test', clock: () => new Date('2026-11-21T10:00:00Z') });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'igc-journal-'));
  path = join(directory, 'ceremony.ndjson');
});
afterEach(() => rmSync(directory, { recursive: true }));

const intent = (tbsSha256: string) =>
  ({
    kind: 'signature.intent',
    what: 'certificate',
    authority: 'ACR-EL-TEST',
    about: 'ACI-EL-PP-TEST',
    tbsSha256,
    tbs: 'AA==',
  }) as const;
const made = (tbsSha256: string) =>
  ({ ...intent(tbsSha256), kind: 'signature.made', sha256: '00', der: 'MAA=' }) as const;

test('a record is on the disk, with moment and operator, when append returns', () => {
  open().append({ kind: 'token.ready', token: 'root', how: 'found' });
  expect(readFileSync(path, 'utf8')).toBe(
    '{"kind":"token.ready","token":"root","how":"found","at":"2026-11-21T10:00:00.000Z","operator":"operator:test"}\n',
  );
});

test('records of earlier runs are read again in their order', () => {
  const first = open();
  first.append(intent('a'));
  first.append(made('a'));
  first.close();
  expect(open().records.map(({ kind }) => kind)).toEqual(['signature.intent', 'signature.made']);
});

test('a last line that a crash cut short is passed over, and the next record does not join it', () => {
  const first = open();
  first.append(intent('a'));
  first.close();
  appendFileSync(path, '{"kind":"signature.made","what":"cert');
  const second = open();
  second.append({ kind: 'signature.abandoned', about: 'ACI-EL-PP-TEST', tbsSha256: 'a' });
  second.close();
  expect(open().records.map(({ kind }) => kind)).toEqual(['signature.intent', 'signature.abandoned']);
});

test('an intent is open until it was made or abandoned', () => {
  const journal = open();
  for (const step of [intent('a'), made('a'), intent('b'), intent('c')]) journal.append(step);
  journal.append({ kind: 'signature.abandoned', about: 'ACI-EL-PP-TEST', tbsSha256: 'b' });
  expect(openIntents(journal, 'ACI-EL-PP-TEST').map(({ tbsSha256 }) => tbsSha256)).toEqual(['c']);
  expect(openIntents(journal, 'ACI-EL-ORG-TEST')).toEqual([]);
});

test('the certificate of an authority is the last one that was made for it, and a CRL is none', () => {
  const journal = open();
  expect(certificateMade(journal, 'ACI-EL-PP-TEST')).toBeUndefined();
  journal.append(made('a'));
  journal.append({ ...made('b'), what: 'crl', der: 'MAEA' });
  expect(Buffer.from(certificateMade(journal, 'ACI-EL-PP-TEST') ?? []).toString('hex')).toBe('3000');
});

test('an empty journal has no records', () => {
  writeFileSync(path, '');
  expect(open().records).toEqual([]);
});
