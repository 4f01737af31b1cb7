// The ceremony's own record, for the keys that no database knows yet: one line of JSON for each step, on the disk before the
// next one begins. Nothing is signed by a ceremony that is not here with every byte, and no line is ever changed.

import { closeSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeAll } from './durable-file.ts';

export type JournalStep =
  | { readonly kind: 'ceremony.begun'; readonly hierarchy: string; readonly digest: string }
  /** once for each token: a missing one is made only while the journal does not know it, because it may just be unplugged */
  | { readonly kind: 'token.ready'; readonly token: string; readonly how: 'initialised' | 'found' }
  /** `keyId` in hexadecimal, `spki` in base64 */
  | {
      readonly kind: 'key.generated';
      readonly authority: string;
      readonly token: string;
      readonly keyId: string;
      readonly spki: string;
    }
  /** before the token is asked: `about` is the CA that is certified, or whose CRL it is; `tbs` in base64 */
  | {
      readonly kind: 'signature.intent';
      readonly what: SignedKind;
      readonly authority: string;
      readonly about: string;
      readonly tbsSha256: string;
      readonly tbs: string;
    }
  /** after the signature verified: the whole signed structure, base64, and its SHA-256 */
  | {
      readonly kind: 'signature.made';
      readonly what: SignedKind;
      readonly authority: string;
      readonly about: string;
      readonly tbsSha256: string;
      readonly sha256: string;
      readonly der: string;
    }
  /** the outcome of an intent is unknown and never will be: what it describes may exist, and nobody may rely on it */
  | { readonly kind: 'signature.abandoned'; readonly about: string; readonly tbsSha256: string };

export type SignedKind = 'certificate' | 'crl';

/** A step with the moment and the operator. */
export type JournalRecord = JournalStep & { readonly at: string; readonly operator: string };
export type RecordOf<Kind extends JournalStep['kind']> = Extract<JournalRecord, { kind: Kind }>;

export type CeremonyJournal = {
  /** every record, oldest first, those of earlier runs included */
  readonly records: readonly JournalRecord[];
  /** the record is on the disk when this returns */
  append(step: JournalStep): void;
  close(): void;
};

/** Opens the journal at `path`, or begins one. A last line that a crash cut short was never acted upon, and is passed over. */
export function openJournal(
  path: string,
  by: { readonly operator: string; readonly clock: () => Date },
): CeremonyJournal {
  const file = openSync(path, 'a+', 0o600);
  syncDirectory(dirname(path));
  const text = readFileSync(path, 'utf8');
  const records = readRecords(text);
  // The cut line gets its end, so that it cannot join the next record.
  if (text !== '' && !text.endsWith('\n')) writeAll(file, Buffer.from('\n'));
  return {
    records,
    append(step) {
      const record: JournalRecord = { ...step, at: by.clock().toISOString(), operator: by.operator };
      writeAll(file, Buffer.from(`${JSON.stringify(record)}\n`));
      fsyncSync(file);
      records.push(record);
    },
    close: () => closeSync(file),
  };
}

function readRecords(text: string): JournalRecord[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as JournalRecord];
    } catch {
      return [];
    }
  });
}

/** The records of one kind, oldest first. */
export function recordsOf<Kind extends JournalStep['kind']>(
  journal: Pick<CeremonyJournal, 'records'>,
  kind: Kind,
): RecordOf<Kind>[] {
  return journal.records.filter((record): record is RecordOf<Kind> => record.kind === kind);
}

/** The certificate that the journal says was made for this authority, in DER; undefined before it was. */
export function certificateMade(journal: Pick<CeremonyJournal, 'records'>, authority: string): Uint8Array | undefined {
  const made = recordsOf(journal, 'signature.made').findLast(
    ({ what, about }) => what === 'certificate' && about === authority,
  );
  return made === undefined ? undefined : Buffer.from(made.der, 'base64');
}

/** The intents about this authority that have no outcome: the program stopped between record and signature, or just after. */
export function openIntents(journal: Pick<CeremonyJournal, 'records'>, about: string): RecordOf<'signature.intent'>[] {
  const settled = new Set(
    [...recordsOf(journal, 'signature.made'), ...recordsOf(journal, 'signature.abandoned')].map(
      ({ tbsSha256 }) => tbsSha256,
    ),
  );
  return recordsOf(journal, 'signature.intent').filter(
    (intent) => intent.about === about && !settled.has(intent.tbsSha256),
  );
}
