import { expect, test } from 'vitest';
import { type CertListOutline, openCertListStream } from '#hsm/cert-list-stream.ts';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { buildTbsCertList } from '../../src/x509/crl.ts';
import { DerError } from '../../src/x509/der.ts';
import { explicit, generalizedTime, integer, octetString, sequence, time } from '../../src/x509/der-writer.ts';
import { authorityKeyIdentifier, cRLNumber, encodeExtensions } from '../../src/x509/extensions.ts';
import { nameOf } from '../helpers/test-hierarchy.ts';

const algorithm = signatureAlgorithmIdentifier('sha256WithRSAEncryption');
const thisUpdate = new Date('2026-11-21T10:00:00Z');
const nextUpdate = new Date('2026-11-27T10:00:00Z');
const extensions = [authorityKeyIdentifier(new Uint8Array(20).fill(1)), cRLNumber(7n)];

const listOf = (revokedAt: readonly Date[]): Uint8Array =>
  buildTbsCertList({
    signatureAlgorithm: algorithm,
    issuer: nameOf('CA'),
    thisUpdate,
    nextUpdate,
    entries: revokedAt.map((date, index) => ({ serial: Uint8Array.of(0, 128 + index), revokedAt: date })),
    extensions,
  });

/** A list made by hand, so that entries can be what the builder would not write. */
const listWith = (...entries: readonly Uint8Array[]): Uint8Array =>
  sequence(
    integer(1),
    algorithm,
    nameOf('CA'),
    time(thisUpdate),
    time(nextUpdate),
    sequence(...entries),
    explicit(0, encodeExtensions(extensions)),
  );

function read(tbs: Uint8Array, chunk = tbs.length): CertListOutline {
  const stream = openCertListStream(tbs.length);
  for (let at = 0; at < tbs.length; at += chunk) stream.write(tbs.subarray(at, at + chunk));
  return stream.end();
}

const serial = integer(0x1234567890n);
const good = listOf([
  new Date('1999-12-31T23:59:59Z'),
  new Date('2024-02-29T00:00:00Z'),
  new Date('2050-01-01T00:00:00Z'),
]);

test('the outline is the same however the list is cut into chunks', () => {
  const whole = read(good);
  expect(whole).toMatchObject({ entries: 3, thisUpdate, nextUpdate });
  expect(whole.extensions).toHaveLength(2);
  for (let chunk = 1; chunk < good.length; chunk += 1) expect(read(good, chunk)).toEqual(whole);
});

test('a list without entries has none of the SEQUENCE that would hold them', () => {
  expect(read(listOf([])).entries).toBe(0);
  expect(() => read(listWith())).toThrow(DerError);
});

test('a list that is cut off at any octet, or followed by one, is refused', () => {
  for (let length = 0; length < good.length; length += 1) {
    expect(() => read(good.subarray(0, length)), `${length}`).toThrow(DerError);
    const stream = openCertListStream(good.length);
    stream.write(good.subarray(0, length));
    expect(() => stream.end(), `${length}`).toThrow(DerError);
  }
  expect(() => read(Buffer.concat([good, Uint8Array.of(0)]))).toThrow(DerError);
});

test.each<[string, Uint8Array]>([
  ['entry extensions', sequence(serial, time(thisUpdate), sequence())],
  ['no time', sequence(serial)],
  ['a serial of zero', sequence(integer(0), time(thisUpdate))],
  ['a negative serial', sequence(Uint8Array.of(0x02, 1, 0x80), time(thisUpdate))],
  ['a serial with a needless zero octet', sequence(Uint8Array.of(0x02, 2, 0, 1), time(thisUpdate))],
  ['a serial of 21 octets', sequence(integer(new Uint8Array(21).fill(1)), time(thisUpdate))],
  ['an empty serial', sequence(Uint8Array.of(0x02, 0), time(thisUpdate))],
  ['an OCTET STRING as serial', sequence(octetString(Uint8Array.of(1)), time(thisUpdate))],
  ['a GeneralizedTime before 2050', sequence(serial, generalizedTime(thisUpdate))],
  ['the 30th of February', sequence(serial, utc('260230000000Z'))],
  ['the 29th of February of no leap year', sequence(serial, utc('250229000000Z'))],
  ['month 13', sequence(serial, utc('261301000000Z'))],
  ['day 0', sequence(serial, utc('260100000000Z'))],
  ['hour 24', sequence(serial, utc('260101240000Z'))],
  ['second 60', sequence(serial, utc('260101000060Z'))],
  ['a time without Z', sequence(serial, utc('2601010000000'))],
  ['letters in the time', sequence(serial, utc('26o101000000Z'))],
  ['a SET', Uint8Array.of(0x31, 0)],
  ['an indefinite length', Uint8Array.of(0x30, 0x80, 0, 0)],
  ['a length in long form', Buffer.concat([Uint8Array.of(0x30, 0x81, 18), serial, time(thisUpdate)])],
])('an entry with %s is refused', (_, entry) => {
  expect(() => read(listWith(sequence(serial, time(thisUpdate)), entry))).toThrow(DerError);
});

function utc(text: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x17, text.length), Buffer.from(text)]);
}

test('a field that would have to be held is bounded', () => {
  const issuer = sequence(octetString(new Uint8Array(20_000)));
  expect(() => read(sequence(integer(1), algorithm, issuer, time(thisUpdate), time(nextUpdate)))).toThrow(/16384/);
});

test('version 1, a missing nextUpdate and missing extensions are refused', () => {
  const rest = [algorithm, nameOf('CA'), time(thisUpdate), time(nextUpdate), explicit(0, encodeExtensions(extensions))];
  expect(() => read(sequence(...rest))).toThrow(DerError);
  expect(() => read(sequence(integer(0), ...rest))).toThrow(DerError);
  expect(() => read(sequence(integer(1), ...rest.filter((_, index) => index !== 3)))).toThrow(DerError);
  expect(() => read(sequence(integer(1), ...rest.slice(0, -1)))).toThrow(DerError);
});

test('a list of a million entries is read chunk by chunk', () => {
  const entry = sequence(integer(new Uint8Array(16).fill(0x5a)), time(thisUpdate));
  const block = Buffer.concat(Array.from({ length: 1_000 }, () => entry));
  const tail = explicit(0, encodeExtensions(extensions));
  const fields = Buffer.concat([integer(1), algorithm, nameOf('CA'), time(thisUpdate), time(nextUpdate)]);
  const list = block.length * 1_000;
  const header = (length: number): Uint8Array =>
    Uint8Array.of(0x30, 0x84, length >>> 24, length >>> 16, length >>> 8, length);
  const inside = fields.length + 6 + list + tail.length;
  const stream = openCertListStream(6 + inside);
  stream.write(Buffer.concat([headerOf(inside), fields, headerOf(list)]));
  for (let index = 0; index < 1_000; index += 1) stream.write(block);
  stream.write(tail);
  expect(stream.end().entries).toBe(1_000_000);

  function headerOf(length: number): Uint8Array {
    return length < 0x1000000 ? Uint8Array.of(0x30, 0x83, length >>> 16, length >>> 8, length) : header(length);
  }
});
