import { expect, it } from 'vitest';
import { buildCertsOnly } from '../../src/x509/pkcs7.ts';
import { hex, newBranch, toHex } from './branch.ts';
import { judge } from './judges.ts';

it('a certs-only bag is exactly these octets, its certificates in DER order', () => {
  // written by hand from RFC 5652 §5.1
  expect(toHex(buildCertsOnly([hex('30 01 05'), hex('30 00')]))).toBe(
    toHex(
      hex(`30 2a 06 09 2a 86 48 86 f7 0d 01 07 02 a0 1d 30 1b
        02 01 01
        31 00
        30 0b 06 09 2a 86 48 86 f7 0d 01 07 01
        a0 05 30 00 30 01 05
        31 00`),
    ),
  );
});

it('a certs-only bag is read by OpenSSL and GnuTLS, certificate by certificate', () => {
  const { root, ca, server } = newBranch('P-256');
  const certificates = [server, ca, root].map(({ certificate }) => certificate);
  const der = buildCertsOnly(certificates.map((certificate) => certificate.der));
  const text = judge('openssl', { 'a.p7b': der }, 'pkcs7', '-inform', 'DER', '-in', 'a.p7b', '-print_certs', '-noout');
  expect(text.match(/^subject=/gm)).toHaveLength(3);
  const info = judge('certtool', { 'a.p7b': der }, '--p7-info', '--inder', '--infile', 'a.p7b');
  expect(info).toContain('Number of certificates: 3');
});
