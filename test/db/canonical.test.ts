import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonicalJson, type Json } from '#db/canonical.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

test('keys are sorted by UTF-16 code units and nothing is spaced', () => {
  expect(canonicalJson({ b: [1, { z: null, a: true }], a: 'é', '\ufb33': 1, '\u{1f600}': 2 })).toBe(
    '{"a":"é","b":[1,{"a":true,"z":null}],"\u{1f600}":2,"\ufb33":1}',
  );
});

test('numbers are written as ECMAScript writes them (RFC 8785 Appendix B)', () => {
  expect([0, -0, 1e21, 1e-7, 9007199254740992].map(canonicalJson)).toEqual([
    '0',
    '0',
    '1e+21',
    '1e-7',
    '9007199254740992',
  ]);
});

test.each([
  ['undefined', undefined],
  ['a member that is undefined', { a: undefined }],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a Date', new Date(0)],
  ['a bigint', 1n],
  ['bytes', new Uint8Array(1)],
  ['a lone surrogate', '\ud800'],
  ['U+0000', 'a\0b'],
  ['a lone surrogate in a key', { '\ud800': 1 }],
])('%s is refused, not dropped', (_name, value) => {
  expect(() => canonicalJson(value as Json)).toThrow(TypeError);
});

test('a value that went through jsonb has the same canonical text', async () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed());
  const { value: tree } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const values = fc.sample(tree, { numRuns: 300, seed: 1 });
  const { rows } = await fresh.db.read.execute<{ stored: Json }>(
    sql`select value as stored from jsonb_array_elements(${JSON.stringify(values)}::jsonb)`,
  );
  expect(rows.map(({ stored }) => canonicalJson(stored))).toEqual(values.map(canonicalJson));
});
