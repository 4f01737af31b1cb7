// A TBSCertList read while it arrives: strict, in one pass, with the memory of one field. A list of a million entries is looked
// at as closely as a short one, and none of it is kept but what the purpose check needs.
import { parseTime } from '../src/x509/certificate.ts';
import { type DerElement, DerError, readDer, readHeader, readInteger, TAG } from '../src/x509/der.ts';
import { type Extension, parseExtensions } from '../src/x509/extensions.ts';

/** What is left of a list when it has gone by. */
export type CertListOutline = {
  /** DER of the AlgorithmIdentifier */
  readonly signatureAlgorithm: Uint8Array;
  /** DER of the issuer's Name */
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  readonly extensions: readonly Extension[];
};

export type CertListStream = {
  /** Takes the next bytes; throws DerError as soon as they cannot be a TBSCertList of ours. */
  write(chunk: Uint8Array): void;
  /** The outline, once every byte has come. Throws DerError when some are missing. */
  end(): CertListOutline;
};

const FIELD_LIMIT = 16 * 1024;
const LONGEST_HEADER = 6;
const EXTENSIONS = 0xa0;

type Fields = { -readonly [Name in keyof CertListOutline]?: CertListOutline[Name] };

/** One field: takes what it needs from `buffer` at `at`, and answers how many bytes, or undefined to wait for more. */
type Step = (buffer: Uint8Array, at: number) => number | undefined;

/** A stream for a TBSCertList of exactly `length` bytes (RFC 5280 §5.1 CRL Fields): version 2, entries without extensions. */
export function openCertListStream(length: number): CertListStream {
  const fields: Fields = { entries: 0 };
  const steps: Step[] = stepsFor(length, fields);
  let pending: Uint8Array = new Uint8Array();
  let consumed = 0;

  return {
    write(chunk) {
      const buffer = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      let at = 0;
      try {
        for (let step = steps[0]; step !== undefined && at < buffer.length; step = steps[0]) {
          const taken = step(buffer, at);
          if (taken === undefined) break;
          at += taken;
        }
      } catch (error) {
        throw error instanceof DerError ? new DerError(error.message, consumed + at) : error;
      }
      if (steps.length === 0 && at < buffer.length)
        throw new DerError('bytes after the end of the list', consumed + at);
      consumed += at;
      // a copy, for the chunk belongs to the socket
      pending = new Uint8Array(buffer.subarray(at));
    },
    end() {
      const { signatureAlgorithm, issuer, thisUpdate, nextUpdate, entries, extensions } = fields;
      if (
        steps.length > 0 ||
        !signatureAlgorithm ||
        !issuer ||
        !thisUpdate ||
        !nextUpdate ||
        entries === undefined ||
        !extensions
      ) {
        throw new DerError('the list is cut off', consumed);
      }
      return { signatureAlgorithm, issuer, thisUpdate, nextUpdate, entries, extensions };
    },
  };
}

/** The fields in their order; each step removes itself when it is done, and the list of entries is its own step until its end. */
function stepsFor(length: number, fields: Fields): Step[] {
  const steps: Step[] = [];
  const field =
    (read: (element: DerElement) => void): Step =>
    (buffer, at) => {
      const size = sizeOf(buffer, at, FIELD_LIMIT);
      if (size === undefined || at + size > buffer.length) return undefined;
      // a copy: the fields outlive the chunk that they came in
      read(readDer(new Uint8Array(buffer.subarray(at, at + size))));
      steps.shift();
      return size;
    };
  steps.push(
    (buffer, at) => {
      if (buffer.length - at < LONGEST_HEADER) return undefined;
      const { tag, first, end } = readHeader(buffer, at, at + length);
      if (tag !== TAG.SEQUENCE || end !== at + length) throw new DerError('the list does not fill its input', at);
      steps.shift();
      return first - at;
    },
    field((version) => {
      if (version.tag !== TAG.INTEGER || readInteger(version) !== 1n) throw new DerError('the version is 2', 0);
    }),
    field((algorithm) => {
      fields.signatureAlgorithm = sequenceBytes(algorithm);
    }),
    field((issuer) => {
      fields.issuer = sequenceBytes(issuer);
    }),
    field((time) => {
      fields.thisUpdate = parseTime(time);
    }),
    field((time) => {
      fields.nextUpdate = parseTime(time);
    }),
    entryStep(steps, fields),
    field((tagged) => {
      const [list, ...rest] = tagged.children;
      if (tagged.tag !== EXTENSIONS || list === undefined || rest.length > 0)
        throw new DerError('the extensions are in [0]', 0);
      fields.extensions = parseExtensions(list);
    }),
  );
  return steps;
}

/** revokedCertificates, which is absent rather than empty. */
function entryStep(steps: Step[], fields: Fields): Step {
  let left: number | undefined;
  return (buffer, at) => {
    if (left === undefined) {
      if (buffer[at] !== TAG.SEQUENCE) {
        steps.shift();
        return 0;
      }
      if (buffer.length - at < LONGEST_HEADER) return undefined;
      const { first, end } = readHeader(buffer, at, Number.MAX_SAFE_INTEGER);
      left = end - first;
      if (left === 0) throw new DerError('revokedCertificates is absent rather than empty', at);
      return first - at;
    }
    const { bytes, count } = takeEntries(buffer, at, left);
    left -= bytes;
    fields.entries = (fields.entries ?? 0) + count;
    if (left === 0) steps.shift();
    return bytes === 0 ? undefined : bytes;
  };
}

/** Checks as many whole entries as there are, at most `left` bytes of them. */
function takeEntries(buffer: Uint8Array, start: number, left: number): { bytes: number; count: number } {
  let at = start;
  let count = 0;
  while (at - start < left) {
    const size = 2 + (buffer[at + 1] ?? 0xff);
    if (at + 2 > buffer.length || (size < 0x82 && at + size > buffer.length)) break;
    if (at + size - start > left) throw new DerError('an entry goes beyond the list', at);
    checkEntry(buffer, at, size);
    at += size;
    count += 1;
  }
  return { bytes: at - start, count };
}

/** SEQUENCE { INTEGER of 1 to 20 octets, positive; UTCTime, or GeneralizedTime from 2050 }, and nothing else. */
function checkEntry(buffer: Uint8Array, at: number, size: number): void {
  const octets = buffer[at + 3] ?? 0;
  const time = at + 4 + octets;
  if (
    buffer[at] !== TAG.SEQUENCE ||
    size > 2 + 22 + 17 ||
    buffer[at + 2] !== TAG.INTEGER ||
    octets < 1 ||
    octets > 20
  ) {
    throw new DerError('an entry is a serial and a time here', at);
  }
  const [first = 0x80, second = 0] = [buffer[at + 4], octets > 1 ? buffer[at + 5] : 0];
  if (first >= 0x80 || (first === 0 && (octets === 1 || second < 0x80))) {
    throw new DerError('a serial is positive and in its shortest form', at);
  }
  const timeOctets = buffer[time] === TAG.UTC_TIME ? 13 : buffer[time] === TAG.GENERALIZED_TIME ? 15 : 0;
  if (timeOctets === 0 || buffer[time + 1] !== timeOctets || time + 2 + timeOctets !== at + size) {
    throw new DerError('an entry ends with its time', at);
  }
  checkMoment(buffer, time + 2, timeOctets);
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** By hand, because this runs for every entry of every list; the rule is that of parseTime. */
function checkMoment(buffer: Uint8Array, at: number, octets: number): void {
  const two = (index: number): number => {
    const [high = 0, low = 0] = [buffer[index], buffer[index + 1]];
    return high >= 0x30 && high <= 0x39 && low >= 0x30 && low <= 0x39 ? (high - 0x30) * 10 + low - 0x30 : Number.NaN;
  };
  const rest = at + octets - 11;
  const short = two(rest - 2);
  const year = octets === 15 ? two(at) * 100 + short : short >= 50 ? 1900 + short : 2000 + short;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const month = two(rest);
  const day = two(rest + 2);
  const days = month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0);
  const date = day >= 1 && day <= days && year >= (octets === 15 ? 2050 : 1950);
  const clock = two(rest + 4) < 24 && two(rest + 6) < 60 && two(rest + 8) < 60;
  if (!date || !clock || buffer[at + octets - 1] !== 0x5a)
    throw new DerError('this is not a moment of the calendar', at);
}

function sequenceBytes({ tag, bytes }: DerElement): Uint8Array {
  if (tag !== TAG.SEQUENCE) throw new DerError('a SEQUENCE was expected', 0);
  return bytes;
}

/** Identifier, length and contents octets of the element at `at`; undefined when its header is not there yet. */
function sizeOf(buffer: Uint8Array, at: number, limit: number): number | undefined {
  const initial = buffer[at + 1];
  if (initial === undefined || (initial > 0x80 && buffer.length - at < 2 + (initial & 0x7f))) return undefined;
  const { end } = readHeader(buffer, at, Number.MAX_SAFE_INTEGER);
  if (end - at > limit) throw new DerError(`a field of more than ${limit} bytes`, at);
  return end - at;
}
