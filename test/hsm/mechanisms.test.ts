import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { LONGEST_SIGNATURE, signatureFromToken, tokenInput } from '#hsm/mechanisms.ts';

const digest = createHash('sha256').update('abc').digest();
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

test('an RSA key is handed the DigestInfo of RFC 8017, byte for byte', () => {
  // RFC 8017 §9.2 note 1: the prefix for SHA-256
  expect(hex(tokenInput('sha256WithRSAEncryption', digest))).toBe(
    `3031300d060960864801650304020105000420${hex(digest)}`,
  );
});

test('an EC key is handed the bare digest', () => {
  expect(hex(tokenInput('ecdsa-with-SHA256', digest))).toBe(hex(digest));
});

test.each([
  [
    'both halves as they are',
    '11'.repeat(32),
    '22'.repeat(32),
    `3044${'0220'}${'11'.repeat(32)}0220${'22'.repeat(32)}`,
  ],
  [
    'a high first bit takes a zero octet before it',
    'ff'.repeat(32),
    '22'.repeat(32),
    `3045022100${'ff'.repeat(32)}0220${'22'.repeat(32)}`,
  ],
  [
    'a leading zero octet goes',
    `00${'11'.repeat(31)}`,
    '22'.repeat(32),
    `3043021f${'11'.repeat(31)}0220${'22'.repeat(32)}`,
  ],
  [
    'a leading zero octet stays before a high bit',
    `00${'ff'.repeat(31)}`,
    '22'.repeat(32),
    `30440220${`00${'ff'.repeat(31)}`}0220${'22'.repeat(32)}`,
  ],
])('the r ‖ s of a token becomes an Ecdsa-Sig-Value: %s', (_, r, s, der) => {
  expect(hex(signatureFromToken('ecdsa-with-SHA256', Buffer.from(r + s, 'hex')))).toBe(der);
});

test('an RSA signature stays as it is, in octets of its own', () => {
  const output = Buffer.alloc(LONGEST_SIGNATURE, 7);
  const signature = signatureFromToken('sha256WithRSAEncryption', output.subarray(0, 256));
  output.fill(0);
  expect(signature).toEqual(new Uint8Array(256).fill(7));
});
