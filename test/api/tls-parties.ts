// Certificates for tests of the TLS door, made by openssl: a CA, two servers, a card, and a stranger who signed for himself.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Party = { readonly key: string; readonly cert: string; readonly der: Buffer };
export type Parties = {
  readonly authority: Party;
  readonly server: Party;
  readonly renewedServer: Party;
  readonly client: Party;
  /** self-signed, and its validity ended long ago */
  readonly stranger: Party;
  remove(): void;
};

export function createParties(): Parties {
  const directory = mkdtempSync(join(tmpdir(), 'igc-tls-'));
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const newKey = (name: string): string[] => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-noenc',
    '-keyout',
    file(`${name}.key`),
  ];
  const read = (name: string): Party => {
    const cert = readFileSync(file(`${name}.crt`), 'utf8');
    return { key: readFileSync(file(`${name}.key`), 'utf8'), cert, der: new X509Certificate(cert).raw };
  };
  const selfSigned = (name: string, subject: string, ...more: string[]): Party => {
    openssl('req', '-x509', ...newKey(name), '-subj', `/CN=${subject}`, '-out', file(`${name}.crt`), ...more);
    return read(name);
  };
  const signed = (name: string, subject: string, extensions: string): Party => {
    openssl('req', '-new', ...newKey(name), '-subj', `/CN=${subject}`, '-out', file(`${name}.csr`));
    writeFileSync(file(`${name}.ext`), extensions);
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      '-CA',
      file('ca.crt'),
      '-CAkey',
      file('ca.key'),
      '-days',
      '2',
      '-extfile',
      file(`${name}.ext`),
      '-out',
      file(`${name}.crt`),
    );
    return read(name);
  };
  const expired = (name: string): Party => {
    // only `openssl ca` takes dates; it wants a database and a policy for them
    writeFileSync(
      file('ca.conf'),
      '[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n',
    );
    writeFileSync(file('index'), '');
    openssl('req', '-new', ...newKey(name), '-subj', `/CN=${name}`, '-out', file(`${name}.csr`));
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'];
    openssl(
      'ca',
      '-batch',
      '-selfsign',
      '-create_serial',
      '-notext',
      '-config',
      file('ca.conf'),
      '-keyfile',
      file(`${name}.key`),
      '-in',
      file(`${name}.csr`),
      ...dates,
      '-out',
      file(`${name}.crt`),
    );
    return read(name);
  };
  const authority = selfSigned('ca', 'authority of this test', '-days', '2');
  return {
    authority,
    server: signed('server', 'first server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
    renewedServer: signed('renewed', 'renewed server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
    client: signed('client', 'card of an administrator', 'extendedKeyUsage=clientAuth'),
    stranger: expired('stranger'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
