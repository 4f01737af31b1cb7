// The entries of a CRL, written a million at a time: one buffer, one pass, and no object for each entry.
import type { CrlEntry } from './crl.ts';
import { TAG } from './der.ts';
import { time } from './der-writer.ts';

/** Contents octets of a serial, a leading zero included; and an entry with it and a GeneralizedTime, headers included. */
const LONGEST_SERIAL = 21;
const LONGEST_ENTRY = 2 + 2 + LONGEST_SERIAL + 2 + 15;

const DAY_MS = 86_400_000;

/** What encodeCrlEntry would make of each entry, in one buffer; the date is encoded anew only where the day differs from the last. */
export function packEntries(entries: readonly CrlEntry[]): Uint8Array {
  const out = new Uint8Array(entries.length * LONGEST_ENTRY);
  let at = 0;
  let day = Number.NaN;
  let when: Uint8Array = new Uint8Array();
  for (const { serial, revokedAt } of entries) {
    const moment = revokedAt.getTime();
    if (Math.floor(moment / DAY_MS) !== day) {
      day = Math.floor(moment / DAY_MS);
      when = time(revokedAt);
    }
    writeTimeOfDay(when, Math.floor((moment - day * DAY_MS) / 1000));
    at = writeEntry(out, at, serial, when);
  }
  return out.subarray(0, at);
}

/** The HHMMSS before the closing Z of a time. */
function writeTimeOfDay(when: Uint8Array, second: number): void {
  let at = when.length - 7;
  for (const part of [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60]) {
    when[at++] = 0x30 + Math.floor(part / 10);
    when[at++] = 0x30 + (part % 10);
  }
}

/** encodeCrlEntry in place, without a buffer for each part; answers where the entry ends. */
function writeEntry(out: Uint8Array, start: number, serial: Uint8Array, when: Uint8Array): number {
  let skip = 0;
  while (skip < serial.length - 1 && serial[skip] === 0) skip += 1;
  const pad = (serial[skip] ?? 0x80) >= 0x80 ? 1 : 0;
  const octets = serial.length - skip + pad;
  if (octets > LONGEST_SERIAL) throw new RangeError('a serial has at most 20 octets');
  out[start] = TAG.SEQUENCE;
  out[start + 1] = 2 + octets + when.length;
  out[start + 2] = TAG.INTEGER;
  out[start + 3] = octets;
  let at = start + 4 + pad;
  for (let index = skip; index < serial.length; index += 1) out[at++] = serial[index] ?? 0;
  for (let index = 0; index < when.length; index += 1) out[at++] = when[index] ?? 0;
  return at;
}
