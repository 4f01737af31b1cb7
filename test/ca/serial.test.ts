// RFC 5280 §4.1.2.2 Serial Number; BR §7.1 asks for 64 unpredictable bits.

import { expect, it } from 'vitest';
import { newSerial } from '../../src/ca/serial.ts';

it('ten thousand serials are positive, have 16 octets without padding, and differ', () => {
  const serials = Array.from({ length: 10_000 }, () => newSerial());
  for (const serial of serials) {
    expect(serial).toHaveLength(16);
    expect(serial[0]).toBeGreaterThan(0);
    expect(serial[0]).toBeLessThan(0x80);
  }
  expect(new Set(serials.map((serial) => Buffer.from(serial).toString('hex'))).size).toBe(10_000);
});

it('every bit but the first is taken from the random octets', () => {
  const octets = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index);
  expect(newSerial(() => octets)).toEqual(octets.with(0, 0x70));
});

it('octets that would make a shorter INTEGER are thrown away, not repaired', () => {
  const draws = [
    new Uint8Array(16).fill(1).with(0, 0x80),
    new Uint8Array(16).fill(1).with(0, 0),
    new Uint8Array(16).fill(2),
  ];
  expect(newSerial(() => draws.shift() ?? new Uint8Array())).toEqual(new Uint8Array(16).fill(2));
});
