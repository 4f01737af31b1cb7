// No byte of a request can be changed without the gate noticing, and whatever is thrown is a Refusal.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { readCsrText } from '../../src/x509/csr.ts';
import { utf8String } from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import { admit, buildCsr, csrAttribute, dns, extensionRequest, keyPair } from '../helpers/csr.ts';

const attributes = [csrAttribute(OID.challengePassword, utf8String('secret')), extensionRequest(dns('www.example.fr'))];
const requests = {
  RSA: buildCsr({ attributes }),
  EC: buildCsr({ attributes, key: keyPair('P-256') }),
};

/** The code that these bytes are refused with; undefined if they pass. Anything but a Refusal fails the test. */
function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return error instanceof Refusal ? error.code : undefined;
  }
}

it.each<[keyof typeof requests, readonly number[]]>([
  ['EC', [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]],
  ['RSA', [0x01, 0x20, 0x80, 0xff]],
])('an %s request with any byte changed is refused', (kind, changes) => {
  const request = requests[kind];
  expect(codeOf(() => admit(request))).toBeUndefined();
  for (let at = 0; at < request.length; at += 1) {
    for (const change of changes) {
      const changed = Uint8Array.from(request);
      changed[at] = (changed[at] ?? 0) ^ change;
      expect(
        codeOf(() => admit(changed)),
        `byte ${at} changed by ${change}`,
      ).toBeDefined();
    }
  }
});

it('octets cut out, doubled or overwritten anywhere never pass and never crash', () => {
  const splice = fc.tuple(
    fc.constantFrom(requests.RSA, requests.EC),
    fc.nat(800),
    fc.nat(40),
    fc.uint8Array({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(splice, ([request, from, removed, inserted]) => {
      const at = from % request.length;
      const changed = Buffer.concat([request.subarray(0, at), inserted, request.subarray(at + removed)]);
      fc.pre(!changed.equals(request));
      expect(codeOf(() => admit(changed))).toBeDefined();
    }),
    { numRuns: 2_000, seed: 1 },
  );
});

it('text with any character changed gives the same request or none', () => {
  const text = toPem('CERTIFICATE REQUEST', requests.EC);
  const characters = fc.constantFrom('\0', ' ', '\n', '\r', '-', '=', 'A', '/', '_', '\ufeff', '\u00e9');
  fc.assert(
    fc.property(fc.nat(text.length - 1), characters, (at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      const code = codeOf(() => admit(readCsrText(changed)));
      if (code === undefined) expect(Buffer.from(readCsrText(changed)).equals(requests.EC)).toBe(true);
    }),
    { numRuns: 2_000, seed: 1 },
  );
});
