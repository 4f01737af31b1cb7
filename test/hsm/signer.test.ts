// One signer for each token, the issuing one with opensc's spy before the module: what was refused must not show there.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openToken } from '#hsm/ceremony.ts';
import { openFrameReader, type SignerAnswer } from '#hsm/frames.ts';
import type { Role, TokenKind } from '#hsm/purpose.ts';
import { runSigner } from '#hsm/signer.ts';
import { LIMITS } from '#hsm/to-be-signed.ts';
import { type Outage, Refusal } from '../../src/errors.ts';
import { signatureAlgorithmFor, verifySignature } from '../../src/x509/algorithms.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { basicConstraints, keyUsage } from '../../src/x509/extensions.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { toPem } from '../../src/x509/pem.ts';
import type { Signable } from '../../src/x509/signable.ts';
import { type SignerProcess, startSigner } from '../helpers/signer-process.ts';
import * as make from '../helpers/test-hierarchy.ts';
import { createTokens, labelOf, pinOf, type Spy, spyOn, type TestTokens } from '../helpers/token.ts';

let tokens: TestTokens;
let root: make.TestAuthority;
let rsa: make.TestAuthority;
let ec: make.TestAuthority;
let holder: Uint8Array;
let signers: Record<TokenKind, SignerProcess>;
let spies: Record<TokenKind, Spy>;
let ocspKey: { keyId: Uint8Array; spki: Uint8Array };

beforeAll(async () => {
  tokens = createTokens(['root', 'issuing', 'ocsp']);
  const open = (name: 'root' | 'issuing') =>
    openToken({ module: tokens.module, label: labelOf(name), pin: pinOf(name), latchDirectory: tokens.folder });
  const ceremonies = { root: open('root'), issuing: open('issuing') };
  const holders = { root: ceremonies.root, holder: ceremonies.issuing };
  root = await make.createAuthority('ACR-EL-TEST', {
    root: ceremonies.root,
    holder: ceremonies.root,
    algorithm: { type: 'ec', curve: 'P-384' },
  });
  rsa = await make.createAuthority('ACI-EL-ORG-TEST', {
    ...holders,
    algorithm: { type: 'rsa', bits: 2048 },
    issuer: root,
  });
  ec = await make.createAuthority('ACI-FO-PP-TEST', {
    ...holders,
    algorithm: { type: 'ec', curve: 'P-256' },
    issuer: root,
  });
  ceremonies.root.close();
  ceremonies.issuing.close();
  holder = make.paperKey({ type: 'ec', curve: 'P-256' });
  spies = {
    issuing: spyOn(tokens.module, join(tokens.folder, 'issuing.spy')),
    ocsp: spyOn(tokens.module, join(tokens.folder, 'ocsp.spy')),
  };
  signers = { issuing: await startSpied('issuing', [root, rsa, ec]), ocsp: await startSpied('ocsp', []) };
  await signers.issuing.untilHealth('api', ({ ready }) => ready);
  await signers.ocsp.untilHealth('public', ({ ready }) => ready);
  ocspKey = await signers.ocsp.connect('worker').generateKey({ type: 'ec', curve: 'P-256' });
}, 60_000);

afterAll(async () => {
  await signers.issuing.stop();
  await signers.ocsp.stop();
  tokens.remove();
});

const startSpied = (token: TokenKind, authorities: readonly make.TestAuthority[]): Promise<SignerProcess> =>
  startSigner({ tokens, token, authorities, module: spies[token].module, environment: spies[token].environment });

/** C_SignInit and C_Sign that the token of this kind has seen. */
const signCalls = (token: TokenKind): number => spies[token].calls().filter((name) => name.startsWith('C_Sign')).length;

const SOCKETS: readonly (readonly [TokenKind, Role])[] = [
  ['issuing', 'api'],
  ['issuing', 'operator'],
  ['issuing', 'worker'],
  ['ocsp', 'public'],
  ['ocsp', 'worker'],
];

describe('what a role may have signed is signed, and openssl believes it', () => {
  const files = (authority: make.TestAuthority): string => {
    const chain = join(tokens.folder, `${authority.id}.pem`);
    writeFileSync(chain, toPem('CERTIFICATE', authority.certificate.der) + toPem('CERTIFICATE', root.certificate.der));
    return chain;
  };
  const openssl = (...parameters: string[]): string =>
    execFileSync('openssl', parameters, { encoding: 'utf8', stdio: 'pipe' });

  test.each(['api', 'operator'] as const)(
    'an end-entity certificate by an RSA and by an EC key, for %s',
    async (role) => {
      for (const authority of [rsa, ec]) {
        const certificate = make.certificateTbs(make.endEntity(authority, holder));
        const signature = await signers.issuing.connect(role).sign(authority.keyId, certificate);
        const file = join(tokens.folder, 'end-entity.pem');
        writeFileSync(
          file,
          toPem('CERTIFICATE', assembleSigned(certificate.tbs, make.algorithmOf(authority), signature)),
        );
        expect(openssl('verify', '-CAfile', files(authority), file)).toContain('OK');
      }
    },
  );

  test('an OCSP responder certificate, for the worker', async () => {
    const certificate = make.certificateTbs(make.responder(rsa, ocspKey.spki));
    const signature = await signers.issuing.connect('worker').sign(rsa.keyId, certificate);
    expect(verifySignature('sha256WithRSAEncryption', rsa.certificate.spki, certificate.tbs, signature)).toBe(true);
  });

  test.each(['worker', 'operator'] as const)('a CRL of more than 10 MB, streamed, for %s', async (role) => {
    const list = make.certListTbs(make.certList(rsa, 290_000));
    expect(list.tbs.length).toBeGreaterThan(10_000_000);
    const signature = await signers.issuing.connect(role).sign(rsa.keyId, list);
    const crl = join(tokens.folder, 'long.crl');
    writeFileSync(crl, assembleSigned(list.tbs, make.algorithmOf(rsa), signature));
    expect(openssl('crl', '-inform', 'DER', '-in', crl, '-CAfile', files(rsa), '-noout', '-verify')).toBe('');
  });

  test('an OCSP answer, for public', async () => {
    const answer = make.responseTbs(make.responseData(rsa, ocspKey.keyId));
    const signature = await signers.ocsp.connect('public').sign(ocspKey.keyId, answer);
    expect(verifySignature(signatureAlgorithmFor(ocspKey.spki), ocspKey.spki, answer.tbs, signature)).toBe(true);
  });
});

describe('from every socket, what its role is not for is refused with no call to the token', () => {
  const attempts: readonly (readonly [string, () => Signable])[] = [
    [
      'a certificate of a CA',
      () => make.certificateTbs(make.withExtension(make.endEntity(rsa, holder), basicConstraints(true, 0, true))),
    ],
    [
      'a certificate that may sign certificates',
      () => make.certificateTbs(make.withExtension(make.endEntity(rsa, holder), keyUsage(['keyCertSign']))),
    ],
    [
      'a certificate of a foreign issuer',
      () => make.certificateTbs({ ...make.endEntity(rsa, holder), issuer: ec.certificate.subject }),
    ],
    [
      'a certificate of the root',
      () => make.certificateTbs({ ...make.endEntity(rsa, holder), issuer: root.certificate.subject }),
    ],
    ['a certificate for a CA’s key', () => make.certificateTbs(make.endEntity(rsa, root.certificate.spki))],
    ['a CRL of a foreign issuer', () => make.certListTbs({ ...make.certList(rsa), issuer: ec.certificate.subject })],
    ['a CRL under an OCSP key', () => make.certListTbs(make.certList(rsa))],
    ['an OCSP answer in another’s name', () => make.responseTbs(make.responseData(rsa, rsa.keyId))],
    [
      'an old OCSP answer',
      () =>
        make.responseTbs({ ...make.responseData(rsa, ocspKey.keyId), producedAt: make.after(make.now(), -86_400_000) }),
    ],
    ['plain bytes', () => make.unlinted(Buffer.from('plain bytes, as many as a digest has'))],
    ['no bytes', () => make.unlinted(new Uint8Array())],
    ['a digest', () => make.unlinted(new Uint8Array(32).fill(7))],
    [
      'a certificate with an octet too many',
      () => make.unlinted(Buffer.concat([make.certificateTbs(make.endEntity(rsa, holder)).tbs, Uint8Array.of(0)])),
    ],
    ['an end-entity certificate', () => make.certificateTbs(make.endEntity(rsa, holder))],
    ['an OCSP responder certificate', () => make.certificateTbs(make.responder(rsa, holder))],
    ['a CRL', () => make.certListTbs(make.certList(rsa))],
    ['an OCSP answer', () => make.responseTbs(make.responseData(rsa, ocspKey.keyId))],
  ];
  const allowed: Readonly<Record<string, readonly string[]>> = {
    'issuing api': ['an end-entity certificate'],
    'issuing operator': ['an end-entity certificate', 'a CRL'],
    'issuing worker': ['an OCSP responder certificate', 'a CRL'],
    'ocsp public': ['an OCSP answer'],
    'ocsp worker': [],
  };
  const table = SOCKETS.flatMap(([token, role]) =>
    attempts
      // a CRL is tried under the issuing key there, and under the OCSP key here
      .filter(([what]) => what !== 'a CRL under an OCSP key' || token === 'ocsp')
      .filter(([what]) => !allowed[`${token} ${role}`]?.includes(what))
      .map(([what, structure]) => ({ token, role, what, structure })),
  );
  test.each(table)('$token $role: $what', async ({ token, role, structure }) => {
    const before = signCalls(token);
    const keyId = token === 'issuing' ? rsa.keyId : ocspKey.keyId;
    const error = await signers[token]
      .connect(role)
      .sign(keyId, structure())
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ code: 'signer_refused' });
    expect((error as Refusal).findings.length).toBeGreaterThan(0);
    expect(signCalls(token)).toBe(before);
  });

  test.each(SOCKETS)('%s %s: the root’s key, and a key that nobody has', async (token, role) => {
    const before = signCalls(token);
    for (const keyId of [root.keyId, keyIdentifier(holder)]) {
      for (const structure of [
        make.certificateTbs(make.endEntity(root, holder)),
        make.certListTbs(make.certList(root)),
      ]) {
        await expect(signers[token].connect(role).sign(keyId, structure)).rejects.toBeInstanceOf(Refusal);
      }
    }
    expect(signCalls(token)).toBe(before);
  });

  test.each(SOCKETS.filter(([token, role]) => token !== 'ocsp' || role !== 'worker'))(
    '%s %s: making, listing and destroying keys',
    async (token, role) => {
      const before = spies[token].calls().length;
      const client = signers[token].connect(role);
      await expect(client.generateKey({ type: 'ec', curve: 'P-256' })).rejects.toBeInstanceOf(Refusal);
      await expect(client.listKeys()).rejects.toBeInstanceOf(Refusal);
      await expect(client.destroyKey(ocspKey.keyId)).rejects.toBeInstanceOf(Refusal);
      expect(spies[token].calls().length).toBe(before);
    },
  );
});

test('a key is made, is listed, signs at once, and does neither when it is destroyed', async () => {
  const worker = signers.ocsp.connect('worker');
  const publicRole = signers.ocsp.connect('public');
  for (const algorithm of [
    { type: 'rsa', bits: 2048 },
    { type: 'ec', curve: 'P-384' },
  ] as const) {
    const key = await worker.generateKey(algorithm);
    const answer = make.responseTbs(make.responseData(rsa, key.keyId));
    const signature = await publicRole.sign(key.keyId, answer);
    expect(verifySignature(signatureAlgorithmFor(key.spki), key.spki, answer.tbs, signature)).toBe(true);
    expect(await worker.listKeys()).toContainEqual(key.keyId);
    expect([await worker.destroyKey(key.keyId), await worker.destroyKey(key.keyId)]).toEqual([true, false]);
    expect(await worker.listKeys()).not.toContainEqual(key.keyId);
    await expect(publicRole.sign(key.keyId, answer)).rejects.toMatchObject({ what: 'hsm', signature: 'none' });
  }
});

test('fifty at once are all signed, each with its own bytes', async () => {
  const api = signers.issuing.connect('api');
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const authority = index % 2 === 0 ? rsa : ec;
      const serial = Uint8Array.from(make.SERIAL, (octet, at) => (at === 15 ? index : octet));
      const certificate = make.certificateTbs({ ...make.endEntity(authority, holder), serial });
      const signature = await api.sign(authority.keyId, certificate);
      const { spki } = authority.certificate;
      expect(verifySignature(signatureAlgorithmFor(spki), spki, certificate.tbs, signature)).toBe(true);
    }),
  );
});

test('the token is handed digests only, and logged in to once', () => {
  const calls = spies.issuing.calls();
  expect(calls.filter((name) => name === 'C_Login')).toHaveLength(1);
  expect(
    calls.filter((name) => /Digest|Update|Final$|Callback/.test(name) && !name.startsWith('C_FindObjects')),
  ).toEqual([]);
});

test('health tells the token, the latch, the breaker and the queue', async () => {
  expect(await signers.issuing.connect('operator').health()).toEqual({
    ready: true,
    token: 'igc-sante-issuing',
    state: 'open',
    loggedIn: true,
    pinLatch: 'clear',
    breaker: 'closed',
    queued: 0,
    inFlight: 0,
    missingKeys: [],
  });
});

describe('whatever a caller writes, it gets an answer or an end, and the token hears nothing', () => {
  const frame = (header: unknown): Buffer => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    return Buffer.concat([length, json]);
  };
  const sign = (bodyLength: number) => ({
    op: 'sign',
    keyId: Buffer.from(rsa.keyId).toString('hex'),
    bodyLength,
    deadlineMs: 5_000,
  });

  /** What the signer answers to these bytes, and that it ends the connection. */
  function answerTo(role: Role, ...parts: readonly Uint8Array[]): Promise<SignerAnswer> {
    const read = openFrameReader(1_000_000);
    return new Promise((resolve, reject) => {
      const socket = connect(signers.issuing.socket(role));
      let answer: SignerAnswer | undefined;
      socket.on('data', (chunk) => {
        answer = read(chunk)?.header as SignerAnswer;
      });
      socket.once('end', () => (answer === undefined ? reject(new Error('no answer')) : resolve(answer)));
      socket.once('error', reject);
      for (const part of parts) socket.write(part);
    });
  }

  test.each<[string, () => Buffer]>([
    ['a header of a megabyte', () => frame('x'.repeat(1_000_000))],
    ['a length of four gigabytes', () => Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['no JSON', () => frame('{"op":')],
    ['a number', () => frame(7)],
    ['null', () => frame('null')],
    ['an unknown operation', () => frame({ op: 'open', deadlineMs: 1_000 })],
    ['a key id that is none', () => frame({ ...sign(3), keyId: '../../etc' })],
    ['a negative length', () => frame({ ...sign(3), bodyLength: -1 })],
    ['half an octet', () => frame({ ...sign(3), bodyLength: 0.5 })],
    ['no deadline', () => frame({ op: 'health' })],
    ['HTTP', () => Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s', async (_, bytes) => {
    const before = spies.issuing.calls().length;
    expect(await answerTo('api', bytes())).toMatchObject({ kind: 'refusal', code: 'signer_refused', last: true });
    expect(spies.issuing.calls().length).toBe(before);
  });

  test.each<[string, Role, () => number, () => Uint8Array]>([
    ['a list', 'worker', () => LIMITS.crl + 1, () => make.certListTbs(make.certList(rsa)).tbs],
    ['a certificate', 'api', () => LIMITS.certificate + 1, () => make.certificateTbs(make.endEntity(rsa, holder)).tbs],
  ])('%s longer than its limit, before all of it has come', async (_, role, length, beginning) => {
    const answer = await answerTo(role, frame(sign(length())), beginning());
    expect(answer).toMatchObject({ kind: 'refusal', last: true });
    expect(JSON.stringify(answer)).toContain(`more than ${role === 'worker' ? LIMITS.crl : LIMITS.certificate} bytes`);
  });

  test('two requests at once on one connection: of the first nothing is known', async () => {
    const body = make.certificateTbs(make.endEntity(rsa, holder)).tbs;
    const request = Buffer.concat([frame(sign(body.length)), body]);
    expect(await answerTo('api', Buffer.concat([request, request]))).toMatchObject({
      ...{ kind: 'outage', signature: 'unknown', last: true },
    });
  });

  test('a request in single octets is a request', async () => {
    const socket = connect(signers.issuing.socket('api'));
    const read = openFrameReader(100_000);
    const answered = new Promise<unknown>((resolve) => socket.on('data', (chunk) => resolve(read(chunk)?.header)));
    const body = make.certificateTbs(make.endEntity(ec, holder)).tbs;
    const request = Buffer.concat([
      frame({ ...sign(body.length), keyId: Buffer.from(ec.keyId).toString('hex') }),
      body,
    ]);
    for (const octet of request) await new Promise((resolve) => socket.write(Uint8Array.of(octet), resolve));
    expect(await answered).toMatchObject({ kind: 'signature' });
    socket.destroy();
  });
});

test('a certificate and a list are written down by serial and number before the token is asked', async () => {
  const serial = Uint8Array.from(make.SERIAL, (octet, at) => (at === 15 ? 0xab : octet));
  const certificate = make.certificateTbs({ ...make.endEntity(ec, holder), serial });
  await signers.issuing.connect('api').sign(ec.keyId, certificate);
  await signers.issuing.connect('worker').sign(ec.keyId, make.certListTbs(make.certList(ec)));
  const keyId = Buffer.from(ec.keyId).toString('hex');
  const tbsDigest = createHash('sha256').update(certificate.tbs).digest('hex');
  const seen = () => signers.issuing.events.filter(({ event }) => event === 'signer.signing');
  await expect.poll(seen).toContainEqual({
    ...{ event: 'signer.signing', caller: 'api', keyId, kind: 'certificate', tbsDigest },
    number: Buffer.from(serial).toString('hex'),
  });
  await expect.poll(seen).toContainEqual({
    ...{ event: 'signer.signing', caller: 'worker', keyId, kind: 'crl', number: expect.stringMatching(/^\d+$/) },
  });
});

test('half a request ends by the deadline, with nothing signed, and others are served meanwhile', async () => {
  const hasty = await startSigner({ tokens, token: 'issuing', authorities: [root, ec], signingDeadlineMs: 1_000 });
  await hasty.untilHealth('api', ({ ready }) => ready);
  const halves = [
    Buffer.from([0, 0]),
    Buffer.from([0, 0, 0, 50, 0x7b]),
    (() => {
      const header = Buffer.from(
        JSON.stringify({
          op: 'sign',
          keyId: Buffer.from(ec.keyId).toString('hex'),
          bodyLength: 500,
          deadlineMs: 60_000,
        }),
      );
      return Buffer.concat([Buffer.from([0, 0, 0, header.length]), header, Uint8Array.of(0x30, 0x82, 1, 0, 0xa0, 3)]);
    })(),
  ];
  const answers = halves.map(async (half) => {
    const socket = connect(hasty.socket('api'));
    const read = openFrameReader(100_000);
    socket.write(half);
    return new Promise<unknown>((resolve) => socket.on('data', (chunk) => resolve(read(chunk)?.header)));
  });
  const certificate = make.certificateTbs(make.endEntity(ec, holder));
  await hasty.connect('api').sign(ec.keyId, certificate);
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ kind: 'outage', signature: 'none', last: true });
  }
  await hasty.stop();
});

describe('sockets', () => {
  const quiet = {
    token: 'ocsp',
    module: '/nonexistent.so',
    tokenLabel: 'x',
    pinFile: '/nonexistent',
    authorities: [],
    log: () => undefined,
  } as const;
  const run = (socketDirectory: string) =>
    runSigner({ ...quiet, socketDirectory, stateDirectory: join(tokens.folder, 'quiet') });

  test('each stands in a folder that only its role enters', () => {
    for (const [token, role] of SOCKETS)
      expect(statSync(dirname(signers[token].socket(role))).mode & 0o777).toBe(0o700);
  });
  test('a folder that everybody may enter is refused', async () => {
    const folder = join(tokens.folder, 'open');
    mkdirSync(join(folder, 'public'), { recursive: true });
    chmodSync(join(folder, 'public'), 0o755);
    await expect(run(folder)).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
  test('a folder where its group may put a socket of its own is refused', async () => {
    const folder = join(tokens.folder, 'group');
    mkdirSync(join(folder, 'public'), { recursive: true });
    chmodSync(join(folder, 'public'), 0o770);
    await expect(run(folder)).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
  test('a folder in the place of the socket is refused', async () => {
    const folder = join(tokens.folder, 'inside');
    mkdirSync(join(folder, 'public', 'signer.sock'), { recursive: true });
    chmodSync(join(folder, 'public'), 0o700);
    await expect(run(folder)).rejects.toThrow(/a folder stands where the socket goes/);
  });
  test('a path that is too long for a socket is refused, and says so', async () => {
    await expect(run(join(tokens.folder, 'x'.repeat(90)))).rejects.toThrow(/at most 107 octets/);
  });
  test('a socket that another signer answers is left alone', async () => {
    const folder = dirname(dirname(signers.ocsp.socket('public')));
    await expect(run(folder)).rejects.toThrow(/another signer answers/);
    expect((await signers.ocsp.connect('public').health()).ready).toBe(true);
  });
  test('a socket that was left behind is replaced', async () => {
    const stale = await startSigner({ tokens, token: 'ocsp' });
    await stale.kill();
    const folder = dirname(dirname(stale.socket('public')));
    expect(statSync(stale.socket('public')).isSocket()).toBe(true);
    const signer = await run(folder);
    await signer.close();
    const free = createServer().listen(join(folder, 'public', 'signer.sock'));
    await new Promise((resolve) => free.close(resolve));
  });
  test('a CA certificate that cannot be read is refused by its id', async () => {
    const authorities = [{ id: 'ACI-EL-ORG-TEST', certificate: rsa.certificate.der.subarray(1) }];
    const running = runSigner({
      ...quiet,
      authorities,
      socketDirectory: join(tokens.folder, 'bad'),
      stateDirectory: join(tokens.folder, 'quiet'),
    });
    await expect(running).rejects.toMatchObject({
      code: 'configuration_invalid',
      findings: [{ at: 'ACI-EL-ORG-TEST' }],
    });
  });
});

test('SIGTERM lets what is under way end, begins nothing more, and leaves no socket', async () => {
  const signer = await startSigner({ tokens, token: 'issuing', authorities: [root, rsa] });
  await signer.untilHealth('api', ({ ready }) => ready);
  const certificate = make.certificateTbs(make.endEntity(rsa, holder));
  const api = signer.connect('api');
  const outcomeOf = (): Promise<string> =>
    api.sign(rsa.keyId, certificate).then(
      () => 'signed',
      (error: Outage) => error.signature,
    );
  const untilRefused = async (): Promise<string> => {
    for (;;) {
      const outcome = await outcomeOf();
      if (outcome !== 'signed') return outcome;
    }
  };
  expect(await Promise.all(Array.from({ length: 8 }, outcomeOf))).toEqual(Array.from({ length: 8 }, () => 'signed'));
  const callers = Array.from({ length: 8 }, untilRefused);
  process.kill(signer.pid, 'SIGTERM');
  // each had its last signature, and was then told that nothing more was begun
  expect(new Set(await Promise.all(callers))).toEqual(new Set(['none']));
  expect(await signer.exited).toEqual({ code: 0, signal: null });
  expect(existsSync(signer.socket('api'))).toBe(false);
  await signer.stop();
});
