// A refused PIN is never tried again by itself: real tokens lock after three. What became of the last try is written down before
// the token is asked, so that neither a restart nor a crash makes another one.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isPinNotJudged, isPinRefused } from './pkcs11.ts';

/** `clear`: nothing stands in the way. `attempting`: a try began whose end is not known. `refused`: the token said no. */
export type LatchState = 'clear' | 'attempting' | 'refused';

export type PinLatch = {
  state(): LatchState;
  /**
   * Calls `login` with the PIN unless it is latched, and tells what became of it. Throws what `login` throws when the token did
   * not refuse the PIN; unless it certainly did not look at it, or accepted it before in this process, one more try is left.
   */
  attempt(pin: string, login: (pin: string) => void): 'accepted' | 'refused' | 'latched';
};

type LatchRecord = { state: 'attempting' | 'refused'; attempts: number; salt: string; digest: string };

/** Tries that may end unknown (a crash, a lost connection) before the PIN latches: one less than what locks a token. */
const UNKNOWN_ATTEMPTS = 2;

/** The file that remembers a PIN's last try; without it the PIN is tried anew. */
export const latchFile = (stateDirectory: string, tokenLabel: string): string =>
  join(stateDirectory, `pin-${tokenLabel.replace(/[^A-Za-z0-9-]/g, '_')}.json`);

/** Opens the latch of one token in the signer's own state folder, which is made with mode 0700 if it is missing. */
export function openPinLatch(stateDirectory: string, tokenLabel: string): PinLatch {
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  if ((statSync(stateDirectory).mode & 0o022) !== 0)
    throw new Error(`${stateDirectory} can be written by others, who could lift the latch: give it mode 0700`);
  const file = latchFile(stateDirectory, tokenLabel);
  let accepted: string | undefined;
  let refused: string | undefined;

  const refuse = (pin: string, record: LatchRecord): void => {
    writeRecord(file, { ...record, state: 'refused' });
    refused = pin;
  };
  /** The record as it was before a try that spent nothing. */
  const undo = (record: LatchRecord): void => {
    if (record.attempts === 1) removeRecord(file);
    else writeRecord(file, { ...record, attempts: record.attempts - 1 });
  };
  const tryOnce = (pin: string, record: LatchRecord, login: (pin: string) => void): 'accepted' | 'refused' => {
    writeRecord(file, record);
    try {
      login(pin);
    } catch (error) {
      if (isPinRefused(error)) {
        refuse(pin, record);
        return 'refused';
      }
      if (pin === accepted) removeRecord(file);
      else if (isPinNotJudged(error)) undo(record);
      throw error;
    }
    removeRecord(file);
    accepted = pin;
    return 'accepted';
  };

  return {
    state: () => readRecord(file)?.state ?? 'clear',
    attempt(pin, login) {
      if (pin === refused) return 'latched';
      const before = readRecord(file);
      const same = before !== undefined && isSamePin(before, pin) ? before : undefined;
      if (same?.state === 'refused') refused = pin;
      if (pin === refused) return 'latched';
      // nobody knows that it is wrong: the record goes on saying so
      if (same?.state === 'attempting' && same.attempts >= UNKNOWN_ATTEMPTS) return 'latched';
      return tryOnce(pin, same === undefined ? newRecord(pin) : { ...same, attempts: same.attempts + 1 }, login);
    },
  };
}

// The PIN's content is compared, not the file's date or inode: whoever deploys the same wrong PIN anew has changed nothing, and
// must not spend the token's tries. It is kept as a slow salted digest, for PINs are short; the state file is as secret as they are.
function newRecord(pin: string): LatchRecord {
  const salt = randomBytes(16);
  return { state: 'attempting', attempts: 1, salt: salt.toString('hex'), digest: digestPin(pin, salt).toString('hex') };
}

const digestPin = (pin: string, salt: Uint8Array): Buffer => scryptSync(pin, salt, 32);

function isSamePin({ salt, digest }: LatchRecord, pin: string): boolean {
  // a record that cannot be read stands for every PIN: better one visit by an operator than a locked token
  if (digest === '') return true;
  return timingSafeEqual(digestPin(pin, Buffer.from(salt, 'hex')), Buffer.from(digest, 'hex'));
}

const UNREADABLE: LatchRecord = { state: 'refused', attempts: 0, salt: '', digest: '' };

function readRecord(file: string): LatchRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return UNREADABLE;
  }
  try {
    const record: unknown = JSON.parse(text);
    return isRecord(record) ? record : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

function isRecord(value: unknown): value is LatchRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { state, attempts, salt, digest } = value as Partial<Record<string, unknown>>;
  const named = state === 'attempting' || state === 'refused';
  return named && Number.isInteger(attempts) && isHex(salt, 32) && isHex(digest, 64);
}

const isHex = (value: unknown, length: number): boolean =>
  typeof value === 'string' && value.length === length && /^[0-9a-f]*$/.test(value);

function writeRecord(file: string, record: LatchRecord): void {
  const next = `${file}.next`;
  const descriptor = openSync(next, 'w', 0o600);
  try {
    writeSync(descriptor, JSON.stringify(record));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(next, file);
  syncFolderOf(file);
}

function removeRecord(file: string): void {
  rmSync(file, { force: true });
  syncFolderOf(file);
}

/** A name in a folder lasts only once the folder is flushed too. */
function syncFolderOf(file: string): void {
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
