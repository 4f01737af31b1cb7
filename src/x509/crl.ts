// Certificate revocation lists of version 2: a writer that takes one pass over the entries, and a strict reader that walks
// them in place, so that a list of a million entries costs no more memory than its bytes.
import { parseSerial, parseTime } from './certificate.ts';
import { packEntries } from './crl-entries.ts';
import {
  type DerElement,
  DerError,
  type DerHeader,
  type DerLimits,
  readBitStringOctets,
  readDerAt,
  readHeader,
  readInteger,
  TAG,
} from './der.ts';
import { element, explicit, integer, sequence, time } from './der-writer.ts';
import { readUnsigned } from './extension-values.ts';
import { type Extension, encodeExtensions, parseExtensions } from './extensions.ts';
import { type Name, parseName } from './names.ts';
import { OID } from './oids.ts';

export type CrlEntry = {
  /** contents octets of the serial's INTEGER */
  readonly serial: Uint8Array;
  /** whole seconds */
  readonly revokedAt: Date;
};

type CertListFields = {
  /** DER of the AlgorithmIdentifier */
  readonly signatureAlgorithm: Uint8Array;
  /** DER of the issuer's Name */
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
};

const V2 = integer(1);

/** Enough for about six million entries. */
const CRL_BYTES = 256 * 1024 * 1024;
const FIELD_LIMITS: DerLimits = { bytes: 64 * 1024, depth: 12, elements: 500 };
const ENTRY_LIMITS: DerLimits = { bytes: 64, depth: 2, elements: 3 };

/** One entry of revokedCertificates, without crlEntryExtensions (RFC 5280 §5.1.2.6 Revoked Certificates). */
export const encodeCrlEntry = ({ serial, revokedAt }: CrlEntry): Uint8Array =>
  sequence(integer(serial), time(revokedAt));

/**
 * The DER of a version 2 TBSCertList (RFC 5280 §5.1 CRL Fields); revokedCertificates is absent when there is no entry.
 * Entries and extensions come in the given order; the work grows with the number of entries.
 */
export function buildTbsCertList(
  fields: CertListFields & { readonly entries: readonly CrlEntry[]; readonly extensions: readonly Extension[] },
): Uint8Array {
  return sequence(
    V2,
    fields.signatureAlgorithm,
    fields.issuer,
    time(fields.thisUpdate),
    time(fields.nextUpdate),
    ...(fields.entries.length === 0 ? [] : [element(TAG.SEQUENCE, packEntries(fields.entries))]),
    explicit(0, encodeExtensions(fields.extensions)),
  );
}

/** A TBSCertList as read; byte fields are views of the input. */
export type TbsCertList = CertListFields & {
  readonly issuerName: Name;
  readonly entryCount: number;
  /** reads the entries again at each walk, in their order; nothing is kept */
  readonly entries: Iterable<CrlEntry>;
  readonly extensions: readonly Extension[];
  /** value of the CRLNumber extension, if there is one */
  readonly number?: bigint;
};

export type Crl = TbsCertList & {
  readonly der: Uint8Array;
  /** DER of the TBSCertList, that is what the signature covers */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
};

/**
 * Reads a full CRL strictly (RFC 5280 §5.1): version 2 with nextUpdate and extensions, every entry a serial and a time.
 * Entries with crlEntryExtensions are refused: our lists carry none. Throws DerError. Checks no signature.
 */
export function parseCrl(der: Uint8Array): Crl {
  if (der.length > CRL_BYTES) throw new DerError(`more than ${CRL_BYTES} bytes`, CRL_BYTES);
  const whole = readHeader(der, 0, der.length);
  if (whole.tag !== TAG.SEQUENCE || whole.end !== der.length)
    throw new DerError('a CertificateList fills its input', 0);
  const tbsHeader = readHeader(der, whole.first, whole.end);
  const tbs = der.subarray(whole.first, tbsHeader.end);
  const algorithm = readDerAt(der, tbsHeader.end, whole.end, FIELD_LIMITS);
  const signature = readDerAt(der, algorithm.offset + algorithm.bytes.length, whole.end, FIELD_LIMITS);
  if (signature.offset + signature.bytes.length !== whole.end) {
    throw new DerError('a CertificateList has three parts', signature.offset);
  }
  const fields = parseTbsCertList(tbs);
  if (Buffer.compare(algorithm.bytes, fields.signatureAlgorithm) !== 0) {
    throw new DerError('the two signature algorithms differ', algorithm.offset);
  }
  return { ...fields, der, tbs, signature: readBitStringOctets(signature) };
}

/** Reads a TBSCertList that fills its input, as strictly as parseCrl. Throws DerError. */
export function parseTbsCertList(tbs: Uint8Array): TbsCertList {
  const whole = readHeader(tbs, 0, tbs.length);
  if (whole.tag !== TAG.SEQUENCE || whole.end !== tbs.length) throw new DerError('a TBSCertList fills its input', 0);
  const fields = fieldReader(tbs, whole);
  const version = fields.next();
  if (version.tag !== TAG.INTEGER || readInteger(version) !== 1n)
    throw new DerError('the version is 2', version.offset);
  const signatureAlgorithm = expectSequence(fields.next());
  const issuer = expectSequence(fields.next());
  const period = { thisUpdate: parseTime(fields.next()), nextUpdate: parseTime(fields.next()) };
  const list = fields.takeHeader(TAG.SEQUENCE);
  const entryCount = list === undefined ? 0 : countEntries(tbs, list);
  const extensions = parseCrlExtensions(fields.next());
  fields.end();
  return {
    signatureAlgorithm: signatureAlgorithm.bytes,
    issuer: issuer.bytes,
    issuerName: parseName(issuer),
    ...period,
    entryCount,
    entries: { [Symbol.iterator]: () => walkEntries(tbs, list) },
    ...extensions,
  };
}

type FieldReader = {
  next(): DerElement;
  takeHeader(tag: number): DerHeader | undefined;
  end(): void;
};

/** Reads the fields inside `header` one after the other. */
function fieldReader(input: Uint8Array, header: DerHeader): FieldReader {
  let at = header.first;
  return {
    next() {
      const field = readDerAt(input, at, header.end, FIELD_LIMITS);
      at += field.bytes.length;
      return field;
    },
    takeHeader(tag) {
      if (input[at] !== tag) return undefined;
      const list = readHeader(input, at, header.end);
      at = list.end;
      return list;
    },
    end() {
      if (at !== header.end) throw new DerError('no field was expected here', at);
    },
  };
}

function expectSequence(field: DerElement): DerElement {
  if (field.tag !== TAG.SEQUENCE) throw new DerError('a SEQUENCE was expected', field.offset);
  return field;
}

function parseCrlExtensions(field: DerElement): Pick<TbsCertList, 'extensions' | 'number'> {
  const [list, ...rest] = field.children;
  if (field.tag !== 0xa0 || list === undefined || rest.length > 0) {
    throw new DerError('the extensions are in [0]', field.offset);
  }
  const extensions = parseExtensions(list);
  const number = extensions.find(({ oid }) => oid === OID.cRLNumber);
  return number === undefined ? { extensions } : { extensions, number: readUnsigned(number.value) };
}

/** Checks every entry, once. */
function countEntries(input: Uint8Array, list: DerHeader): number {
  if (list.first === list.end) throw new DerError('revokedCertificates is absent rather than empty', list.first);
  let count = 0;
  for (const _ of walkEntries(input, list)) count += 1;
  return count;
}

function* walkEntries(input: Uint8Array, list: DerHeader | undefined): Generator<CrlEntry> {
  if (list === undefined) return;
  for (let at = list.first; at < list.end; ) {
    const entry = readDerAt(input, at, list.end, ENTRY_LIMITS);
    const [serial, revokedAt, ...extensions] = entry.children;
    if (entry.tag !== TAG.SEQUENCE || revokedAt === undefined || extensions.length > 0) {
      throw new DerError('an entry is a serial and a time here, without extensions', at);
    }
    yield { serial: parseSerial(serial), revokedAt: parseTime(revokedAt) };
    at += entry.bytes.length;
  }
}

/** The entry of this serial, or undefined; walks the list. */
export function findCrlEntry(crl: Pick<TbsCertList, 'entries'>, serial: Uint8Array): CrlEntry | undefined {
  for (const entry of crl.entries) {
    if (Buffer.compare(entry.serial, serial) === 0) return entry;
  }
  return undefined;
}
