import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CeremonyToken, initToken, openToken } from '#hsm/ceremony.ts';
import { listSlots, loadModule } from '#hsm/pkcs11.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { assembleSigned, buildTbsCertificate } from '../../src/x509/certificate.ts';
import { basicConstraints, keyUsage, subjectKeyIdentifier } from '../../src/x509/extensions.ts';
import { type KeyAlgorithm, keyAlgorithmOf, keyIdentifier } from '../../src/x509/keys.ts';
import { toPem } from '../../src/x509/pem.ts';
import * as make from '../helpers/test-hierarchy.ts';
import { createTokens, labelOf, pinOf, type TestTokens } from '../helpers/token.ts';

let tokens: TestTokens;
let root: CeremonyToken;
let authority: make.TestAuthority;

beforeAll(async () => {
  tokens = createTokens(['root']);
  root = openToken({
    module: tokens.module,
    label: labelOf('root'),
    pin: pinOf('root'),
    latchDirectory: tokens.folder,
  });
  authority = await make.createAuthority('ACR-EL-TEST', {
    root,
    holder: root,
    algorithm: { type: 'ec', curve: 'P-256' },
  });
});
afterAll(() => {
  root.close();
  tokens.remove();
});

describe.each<[string, KeyAlgorithm]>([
  ['RSA-4096', { type: 'rsa', bits: 4096 }],
  ['RSA-2048', { type: 'rsa', bits: 2048 }],
  ['P-256', { type: 'ec', curve: 'P-256' }],
  ['P-384', { type: 'ec', curve: 'P-384' }],
])(
  '%s',
  (name, algorithm) => {
    test('a new key certifies itself, and openssl believes it', async () => {
      const ca = await make.createAuthority(`CA ${name}`, { root, holder: root, algorithm });
      expect(keyAlgorithmOf(ca.certificate.spki)).toEqual(algorithm);
      const file = join(tokens.folder, `${name}.pem`);
      writeFileSync(file, toPem('CERTIFICATE', ca.certificate.der));
      const verdict = execFileSync('openssl', ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', file, file], {
        encoding: 'utf8',
      });
      expect(verdict).toContain('OK');
    });

    test('the key is found again by its id, which is the identifier of its public half', async () => {
      const { keyId, spki } = await root.generateKey(algorithm);
      expect(keyId).toEqual(keyIdentifier(spki));
      expect(root.findKey(keyId)).toMatchObject({ spki });
      const held = root.listKeyIds().map((id) => Buffer.from(id).toString('hex'));
      expect(held).toContain(Buffer.from(keyId).toString('hex'));
      expect([root.destroyKey(keyId), root.findKey(keyId), root.destroyKey(keyId)]).toEqual([true, undefined, false]);
    });
  },
  60_000,
);

test('a private key can sign and nothing else, and never leaves its token', () => {
  const listed = execFileSync(
    'pkcs11-tool',
    [
      '--module',
      tokens.module,
      '--token-label',
      labelOf('root'),
      '--login',
      '--pin',
      pinOf('root'),
      '--list-objects',
      '--type',
      'privkey',
    ],
    { encoding: 'utf8', env: { ...process.env, ...tokens.environment } },
  );
  const usages = new Set([...listed.matchAll(/Usage: +(.*)/g)].map(([, usage]) => usage));
  const access = new Set([...listed.matchAll(/Access: +(.*)/g)].map(([, value]) => value));
  expect([...usages]).toEqual(['sign']);
  expect([...access]).toEqual(['sensitive, always sensitive, never extractable, local']);
});

test('ECDSA signatures are DER whatever their first octets: 600 of them, each verified', async () => {
  const list = make.certListTbs(make.certList(authority));
  const signatures = await Promise.all(Array.from({ length: 600 }, () => root.sign(authority.keyId, list)));
  const lengths = new Set(signatures.map((signature) => signature.length));
  // one in 128 has a half that is shorter than 32 octets, so that several lengths occur
  expect(lengths.size).toBeGreaterThan(2);
});

test('a CRL of a root is signed, and openssl believes it', async () => {
  const list = make.certListTbs(make.certList(authority));
  const signature = await root.sign(authority.keyId, list);
  const crl = join(tokens.folder, 'root.crl');
  const ca = join(tokens.folder, 'root.pem');
  writeFileSync(crl, toPem('X509 CRL', assembleSigned(list.tbs, make.algorithmOf(authority), signature)));
  writeFileSync(ca, toPem('CERTIFICATE', authority.certificate.der));
  const run = execFileSync('openssl', ['crl', '-in', crl, '-CAfile', ca, '-noout', '-verify'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  expect(run).toBe('');
});

test.each([
  [
    'an end-entity certificate',
    () => make.certificateTbs(make.endEntity(authority, make.paperKey({ type: 'ec', curve: 'P-256' }))),
  ],
  ['an OCSP answer', () => make.responseTbs(make.responseData(authority, authority.keyId))],
  ['plain bytes', () => make.unlinted(Buffer.from('plain bytes'))],
  [
    'a CA certificate under another key',
    () => {
      const fields = make.endEntity(authority, make.paperKey({ type: 'ec', curve: 'P-256' }));
      const ca = make.withExtension(
        make.withExtension(fields, basicConstraints(true, 0, true)),
        keyUsage(['keyCertSign']),
      );
      return make.unlinted(
        buildTbsCertificate(
          make.withExtension(make.withoutExtension(ca, '2.5.29.35'), subjectKeyIdentifier(authority.keyId)),
        ),
      );
    },
  ],
])('a ceremony does not sign %s', async (_, structure) => {
  await expect(root.sign(authority.keyId, structure())).rejects.toMatchObject({ code: 'signer_refused' });
});

test('a key that the token has not is an outage, and nothing was signed', async () => {
  const list = make.certListTbs(make.certList(authority));
  const error = await root.sign(new Uint8Array(20), list).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Outage);
  expect(error).toMatchObject({ signature: 'none' });
});

test('a label is given once', () => {
  const again = () => initToken({ module: tokens.module, label: labelOf('root'), soPin: 'so-pin-4711', pin: '1234' });
  expect(again).toThrow(Refusal);
  expect(again).toThrow(/exists already/);
});

test('a token whose making stopped before its user had a PIN is finished', () => {
  const [module, label, soPin, pin] = [tokens.module, labelOf('issuing'), 'so-pin-4711', pinOf('issuing')];
  const api = loadModule(module);
  const free = listSlots(api).find(({ initialised }) => !initialised);
  api.C_InitToken(free?.handle ?? Buffer.alloc(0), soPin, label.padEnd(32));
  expect(() => openToken({ module, label, pin, latchDirectory: tokens.folder })).toThrow(/cannot be logged in to/);
  initToken({ module, label, soPin, pin });
  const opened = openToken({ module, label, pin, latchDirectory: tokens.folder });
  expect(opened.listKeyIds()).toEqual([]);
  opened.close();
  expect(() => initToken({ module, label, soPin, pin })).toThrow(/exists already/);
});

test('a wrong PIN is refused without naming it, and costs one try however often it is repeated', () => {
  const [module, label, pin] = [tokens.module, labelOf('ocsp'), 'wrong-pin'];
  initToken({ module, label, soPin: 'so-pin-4711', pin: pinOf('ocsp') });
  const spent = vi.spyOn(loadModule(module), 'C_Login');
  for (let index = 0; index < 3; index += 1) {
    const opening = () => openToken({ module, label, pin, latchDirectory: tokens.folder });
    expect(opening).toThrow(Refusal);
    expect(opening).toThrow(/refuses the PIN/);
    expect(opening).not.toThrow(/wrong-pin/);
  }
  expect(spent).toHaveBeenCalledTimes(1);
  spent.mockRestore();
  openToken({ module, label, pin: pinOf('ocsp'), latchDirectory: tokens.folder }).close();
});

test('a missing token and a missing module are outages', () => {
  const opening = (change: object) => () =>
    openToken({
      module: tokens.module,
      label: labelOf('ocsp'),
      pin: 'wrong-pin',
      latchDirectory: tokens.folder,
      ...change,
    });
  expect(opening({ label: 'nobody' })).toThrow(Outage);
  expect(opening({ label: 'nobody' })).toThrow(/no token is labelled nobody/);
  expect(opening({ module: '/nonexistent.so' })).toThrow(/cannot be used/);
});
