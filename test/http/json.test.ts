import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { parseJson } from '../../src/http/json.ts';

const read = (text: string): unknown => parseJson(Buffer.from(text));

function findingsOf(body: Uint8Array): { rule: string; at: string | undefined }[] {
  try {
    parseJson(body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).toBe('body_malformed');
    return error.findings.map(({ rule, at }) => ({ rule, at }));
  }
  throw new Error('the text was accepted');
}

const refused = (text: string) => findingsOf(Buffer.from(text));

describe('JSON bodies', () => {
  it.each([
    ['{"a":[1,{"b":"x"},true,null],"c":{"a":-1.5e3}}'],
    [' \n[ "a" , "a" ] '],
    ['{"a":{"x":1},"b":{"x":1}}'],
    ['{"\\ud83d\\ude00":"\\ud83d\\ude00"}'],
    ['"{\\"a\\":1,\\"a\\":2}"'],
    ['{}'],
    ['0'],
  ])('%s reads as JSON.parse reads it', (text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });

  it('every JSON value reads back as itself', async () => {
    await assert(
      property(jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['a cut text', '{"a":1'],
    ['a text after the text', '{} {}'],
    ['a trailing comma', '{"a":1,}'],
    ['a comment', '{/* a */}'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['a raw line feed in a string', '{"a":"\n"}'],
    ['a byte order mark', '\ufeff{}'],
  ])('%s is not JSON', (_, text) => {
    expect(refused(text)).toEqual([{ rule: 'RFC 8259 §2 JSON Grammar', at: '' }]);
  });

  it('bytes that are not UTF-8 are refused, not replaced', () => {
    expect(findingsOf(Uint8Array.of(0x22, 0xc3, 0x28, 0x22))).toEqual([
      { rule: 'RFC 8259 §8.1 Character Encoding', at: '' },
    ]);
  });

  it.each([
    ['at the top', '{"a":1,"a":2}', '/a'],
    ['written differently', '{"a":1,"\\u0061":2}', '/a'],
    ['inside an array', '{"l":[0,{"k":1,"k":1}]}', '/l/1/k'],
    ['with a pointer that needs escapes', '{"a/b~c":1,"a/b~c":1}', '/a~1b~0c'],
    ['named __proto__', '{"__proto__":1,"__proto__":1}', '/__proto__'],
  ])('a duplicate key %s is found', (_, text, at) => {
    expect(refused(text)).toEqual([{ rule: 'RFC 7493 §2.3 Object Constraints', at }]);
  });

  it('numbers beyond double precision are found where they stand', () => {
    expect(refused('{"a":[0,1e400,-1e999]}').map(({ at }) => at)).toEqual(['/a/1', '/a/2']);
  });

  it('lone surrogates are found in keys and in values', () => {
    expect(refused('{"a":"\\ud800","\\udfff":1}').map(({ rule }) => rule)).toEqual(
      Array(2).fill('RFC 7493 §2.1 Encoding and Characters'),
    );
  });

  it('all faults are listed at once, and never more than twenty', () => {
    expect(refused('{"a":1e400,"b":"\\ud800","a":0}').map(({ at }) => at)).toEqual(['/a', '/b', '/a']);
    expect(refused(`[${Array(100).fill('1e400').join()}]`)).toHaveLength(20);
  });

  it('a long key is cut in the pointer', () => {
    const key = 'k'.repeat(10_000);
    expect(refused(`{"${key}":1,"${key}":1}`)[0]?.at).toBe(`/${'k'.repeat(64)}`);
  });

  it.each([
    ['nested 100,000 levels deep', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects nested 20,000 levels deep', `${'{"a":'.repeat(20_000)}0${'}'.repeat(20_000)}`],
    ['of 100,000 values', `[${Array(100_000).fill('0').join()}]`],
  ])('a text %s is refused with one finding', (_, text) => {
    expect(refused(text)).toHaveLength(1);
    expect(refused(text)[0]?.rule).toBe('RFC 8259 §9 Parsers');
  });
});
