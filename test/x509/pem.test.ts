import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerError } from '../../src/x509/der.ts';
import { fromPem, toPem } from '../../src/x509/pem.ts';
import { hex } from './branch.ts';

const BLOCK = '-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n';

describe('PEM', () => {
  it('is written with lines of 64 characters', () => {
    expect(toPem('X509 CRL', hex('010203'))).toBe(BLOCK);
    expect(
      toPem('CERTIFICATE', new Uint8Array(50))
        .split('\n')
        .map(({ length }) => length),
    ).toEqual([27, 64, 4, 25, 0]);
  });

  it('is read back whatever it holds, one block or more', () => {
    const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(contents, fc.constantFrom('\n', '\r\n'), (ders, end) => {
        const text = ders
          .map((der) => toPem('CERTIFICATE', der))
          .join('\n')
          .replaceAll('\n', end);
        expect(fromPem(text, 'CERTIFICATE')).toEqual(ders);
      }),
      { numRuns: 100, seed: 7468 },
    );
  });

  it.each([
    ['nothing', ''],
    ['another label', BLOCK.replaceAll('X509 CRL', 'CERTIFICATE')],
    ['two labels', BLOCK.replace('END X509 CRL', 'END CERTIFICATE')],
    ['text before it', `subject=CN=a\n${BLOCK}`],
    ['text after it', `${BLOCK}a`],
    ['headers', BLOCK.replace('AQID', 'Proc-Type: 4,ENCRYPTED\n\nAQID')],
    ['an empty block', BLOCK.replace('AQID\n', '')],
    ['an empty line', BLOCK.replace('AQID', 'AQ\n\nID')],
    ['a space in a line', BLOCK.replace('AQID', 'AQ ID')],
    ['base64url', BLOCK.replace('AQID', '-_8=')],
    ['base64 without padding', BLOCK.replace('AQID', 'AQI')],
    ['base64 with bits left over', BLOCK.replace('AQID', 'AQJ=')],
    ['padding in the middle', BLOCK.replace('AQID', 'AQ==\nAQ==')],
    ['no end', BLOCK.slice(0, -5)],
    ['an end on the same line', BLOCK.replace('AQID\n', 'AQID')],
  ])('is refused with %s', (_, text) => {
    expect(() => fromPem(text, 'X509 CRL')).toThrow(DerError);
  });
});
