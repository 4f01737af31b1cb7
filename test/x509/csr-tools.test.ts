// What real tools write is taken as it comes: the strictness of the gate must not shut out an honest sender.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsrText } from '../../src/x509/csr.ts';
import { formatName } from '../../src/x509/names.ts';
import { admit, keyPair, pemOf } from '../helpers/csr.ts';
import { refusalOf } from '../helpers/refusal.ts';

const folder = mkdtempSync(join(tmpdir(), 'igc-csr-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const run = (tool: string, ...args: readonly string[]): Buffer =>
  execFileSync(tool, args, { stdio: ['ignore', 'pipe', 'ignore'] });

const keys = {
  rsa: file('rsa.pem', pemOf(keyPair('rsa'))),
  'P-256': file('p256.pem', pemOf(keyPair('P-256'))),
  'P-384': file('p384.pem', pemOf(keyPair('P-384'))),
};

const OPENSSL = file(
  'openssl.cnf',
  `[req]
distinguished_name = name
attributes = attributes
req_extensions = extensions
prompt = no
utf8 = yes
string_mask = utf8only
[name]
C = FR
O = Hôpital de l’Île
OU = 318751275100020
CN = www.hopital.example.fr
[attributes]
challengePassword = a secret word
unstructuredName = anything
[extensions]
subjectAltName = DNS:www.hopital.example.fr, DNS:api.hopital.example.fr
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
tlsfeature = status_request
[critical]
1.2.3.4 = critical, DER:0500
[authority]
basicConstraints = CA:TRUE
`,
);

const CERTTOOL = file(
  'certtool.cfg',
  `cn = "www.hopital.example.fr"
organization = "Hôpital de l’Île"
country = FR
dns_name = "www.hopital.example.fr"
dns_name = "api.hopital.example.fr"
challenge_password = secret
tls_www_server
tls_www_client
signing_key
encryption_key
`,
);

const HOSTS = ['www.hopital.example.fr', 'api.hopital.example.fr'];
const openssl = (...args: readonly string[]): Buffer => run('openssl', 'req', '-new', '-config', OPENSSL, ...args);

describe('requests of openssl', () => {
  it.each([
    ['RSA, PEM', ['-key', keys.rsa]],
    ['RSA, DER', ['-key', keys.rsa, '-outform', 'DER']],
    ['RSA with SHA-512', ['-key', keys.rsa, '-sha512']],
    [
      'RSA-PSS with a salt as long as the hash',
      ['-key', keys.rsa, '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-1'],
    ],
    ['P-256', ['-key', keys['P-256']]],
    ['P-384 with SHA-384', ['-key', keys['P-384'], '-sha384', '-outform', 'DER']],
  ])('%s pass', (_name, args) => {
    const csr = admit(readCsrText(openssl(...args)));
    expect(formatName(csr.subject)).toBe('CN=www.hopital.example.fr,OU=318751275100020,O=Hôpital de l’Île,C=FR');
    expect(csr.dnsNames).toEqual(HOSTS);
  });

  it('without extensions and attributes pass', () => {
    const plain = run('openssl', 'req', '-new', '-key', keys.rsa, '-subj', '/CN=a.example.fr', '-outform', 'DER');
    expect(admit(plain).extensions).toEqual([]);
  });

  it.each([
    ['MD5', 'csr_algorithm_not_allowed', ['-key', keys.rsa, '-md5']],
    ['SHA-1', 'csr_algorithm_not_allowed', ['-key', keys['P-256'], '-sha1']],
    [
      'PSS with the salt that openssl takes by itself',
      'csr_algorithm_not_allowed',
      ['-key', keys.rsa, '-sigopt', 'rsa_padding_mode:pss'],
    ],
    ['an unknown critical extension', 'csr_extension_not_allowed', ['-key', keys.rsa, '-reqexts', 'critical']],
    ['CA:TRUE', 'csr_extension_not_allowed', ['-key', keys.rsa, '-reqexts', 'authority']],
    ['text before the block', 'csr_malformed', ['-key', keys.rsa, '-text']],
  ])('with %s are %s', (_name, code, args) => {
    expect(refusalOf(() => admit(readCsrText(openssl(...args)))).code).toBe(code);
  });

  it.each([
    ['DSA', ['dsaparam', '-noout', '-genkey', '1024']],
    ['Ed25519', ['genpkey', '-algorithm', 'ed25519']],
  ])('with a key of %s are csr_algorithm_not_allowed', (name, args) => {
    const key = file(`${name}.pem`, run('openssl', ...args).toString());
    expect(refusalOf(() => admit(readCsrText(openssl('-key', key)))).code).toBe('csr_algorithm_not_allowed');
  });
});

describe('requests of certtool', () => {
  it.each([
    ['RSA', ['--load-privkey', keys.rsa]],
    ['RSA-PSS', ['--load-privkey', keys.rsa, '--sign-params', 'rsa-pss', '--hash', 'sha256', '--salt-size', '32']],
    ['P-256', ['--load-privkey', keys['P-256']]],
    ['P-384', ['--load-privkey', keys['P-384'], '--hash', 'sha384']],
  ])('%s pass', (_name, args) => {
    const csr = admit(readCsrText(run('certtool', '--generate-request', '--template', CERTTOOL, '--no-text', ...args)));
    expect(formatName(csr.subject)).toBe('CN=www.hopital.example.fr,O=Hôpital de l’Île,C=FR');
    expect(csr.dnsNames).toEqual(HOSTS);
  });

  it('for a CA are csr_extension_not_allowed', () => {
    const template = file('ca.cfg', 'cn = "CA"\nca\ncert_signing_key\ncrl_signing_key\n');
    const der = run('certtool', '--generate-request', '--template', template, '--load-privkey', keys.rsa, '--outder');
    const refusal = refusalOf(() => admit(der));
    expect(refusal.code).toBe('csr_extension_not_allowed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual([
      'cA TRUE is asked for',
      'keyCertSign is asked for',
      'cRLSign is asked for',
    ]);
  });
});
