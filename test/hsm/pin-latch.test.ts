import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPin } from '#hsm/pin-file.ts';
import { openPinLatch } from '#hsm/pin-latch.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'igc-latch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LABEL = 'igc-sante-issuing';
const open = () => openPinLatch(join(folder, 'state'), LABEL);

/** A token's answer to a login, and how often it was asked. */
function token(answer: `CKR_${string}`) {
  const tried: string[] = [];
  const login = (pin: string): void => {
    tried.push(pin);
    if (answer !== 'CKR_OK') throw new Error(`${answer}:160`);
  };
  return { tried, login };
}

test.each(['CKR_PIN_INCORRECT', 'CKR_PIN_LOCKED'] as const)(
  'a PIN refused with %s is tried once, whatever is restarted',
  (answer) => {
    const { tried, login } = token(answer);
    const outcomes = Array.from({ length: 10 }, () => open().attempt('1234', login));
    expect(outcomes).toEqual(['refused', ...Array.from({ length: 9 }, () => 'latched')]);
    const again = open();
    expect([again.attempt('1234', login), again.attempt('1234', login), again.state()]).toEqual([
      'latched',
      'latched',
      'refused',
    ]);
    expect(tried).toEqual(['1234']);
  },
);

test('another PIN is tried, and lifts the latch when it is accepted', () => {
  open().attempt('1234', token('CKR_PIN_INCORRECT').login);
  const { tried, login } = token('CKR_OK');
  const latch = open();
  expect([latch.attempt('5678', login), latch.state()]).toEqual(['accepted', 'clear']);
  expect(tried).toEqual(['5678']);
});

test('a second wrong PIN latches as the first one did', () => {
  const { tried, login } = token('CKR_PIN_INCORRECT');
  const outcomes = ['1234', '5678', '5678'].map((pin) => open().attempt(pin, login));
  expect(outcomes).toEqual(['refused', 'refused', 'latched']);
  expect(tried).toEqual(['1234', '5678']);
});

test.each(['CKR_TOKEN_NOT_PRESENT', 'CKR_USER_PIN_NOT_INITIALIZED', 'CKR_DEVICE_REMOVED'] as const)(
  'a login that fails with %s has looked at no PIN and costs no try',
  (answer) => {
    const { tried, login } = token(answer);
    for (let index = 0; index < 5; index += 1) expect(() => open().attempt('1234', login)).toThrow(answer);
    expect([open().state(), tried.length]).toEqual(['clear', 5]);
    expect(() => open().attempt('1234', token('CKR_DEVICE_ERROR').login)).toThrow('CKR_DEVICE_ERROR');
    expect(() => open().attempt('1234', login)).toThrow(answer);
    expect(() => open().attempt('1234', token('CKR_DEVICE_ERROR').login)).toThrow('CKR_DEVICE_ERROR');
    expect(open().attempt('1234', login)).toBe('latched');
  },
);

test('two tries without an answer latch, and nobody is told that the PIN is wrong', () => {
  const { login } = token('CKR_DEVICE_ERROR');
  for (let index = 0; index < 2; index += 1) expect(() => open().attempt('1234', login)).toThrow('CKR_DEVICE_ERROR');
  const latch = open();
  expect([latch.attempt('1234', login), latch.state()]).toEqual(['latched', 'attempting']);
});

test('a state folder that others can write to is not used: they could lift the latch', () => {
  mkdirSync(join(folder, 'state'));
  chmodSync(join(folder, 'state'), 0o777);
  expect(open).toThrow('give it mode 0700');
});

test('a try whose end is not known may be made once more, and no oftener', () => {
  const { tried, login } = token('CKR_DEVICE_ERROR');
  expect(() => open().attempt('1234', login)).toThrow('CKR_DEVICE_ERROR');
  expect(open().state()).toBe('attempting');
  expect(() => open().attempt('1234', login)).toThrow('CKR_DEVICE_ERROR');
  expect(open().attempt('1234', login)).toBe('latched');
  expect(tried).toHaveLength(2);
});

test('a PIN that the token accepted is not held guilty when the connection is lost at a later login', () => {
  const latch = open();
  expect(latch.attempt('1234', token('CKR_OK').login)).toBe('accepted');
  const { tried, login } = token('CKR_DEVICE_ERROR');
  for (let index = 0; index < 5; index += 1) expect(() => latch.attempt('1234', login)).toThrow('CKR_DEVICE_ERROR');
  expect([latch.state(), tried.length]).toEqual(['clear', 5]);
  expect([latch.attempt('1234', token('CKR_PIN_INCORRECT').login), latch.state()]).toEqual(['refused', 'refused']);
});

test('the try is on disk before the token is asked', () => {
  const latch = open();
  latch.attempt('1234', () => expect(open().state()).toBe('attempting'));
  expect(latch.state()).toBe('clear');
});

test('the state is for nobody else to read, and does not hold the PIN', () => {
  open().attempt('secret-pin', token('CKR_PIN_INCORRECT').login);
  const [name = ''] = readdirSync(join(folder, 'state'));
  const file = join(folder, 'state', name);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).not.toContain('secret-pin');
});

test('a state that cannot be read latches every PIN', () => {
  mkdirSync(join(folder, 'state'));
  writeFileSync(join(folder, 'state', `pin-${LABEL}.json`), '{"state":"attempting"}');
  const { tried, login } = token('CKR_OK');
  expect(['1234', '5678'].map((pin) => open().attempt(pin, login))).toEqual(['latched', 'latched']);
  expect(tried).toEqual([]);
});

test.each([
  ['1234', '1234'],
  ['1234\n', '1234'],
  ['1234\r\n', '1234'],
  [' 1234 \n', ' 1234 '],
])('one newline at the end of the PIN file is none of the PIN: %j', (content, pin) => {
  writeFileSync(join(folder, 'pin'), content);
  expect(readPin(join(folder, 'pin'))).toBe(pin);
});

test.each(['', '\n', '1234\n\n', '1234\n5678\n'])('a PIN file has one line, and this one has not: %j', (content) => {
  writeFileSync(join(folder, 'pin'), content);
  expect(() => readPin(join(folder, 'pin'))).toThrow('holds no PIN');
});
