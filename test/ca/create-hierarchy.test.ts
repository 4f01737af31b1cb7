import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CeremonyToken as HsmToken, initToken, openToken } from '#hsm/ceremony.ts';
import { type CeremonyJournal, openJournal, recordsOf } from '../../src/ca/ceremony-journal.ts';
import { type Ceremony, type CeremonyToken, certificateFile, createHierarchy } from '../../src/ca/create-hierarchy.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import type { Hierarchy } from '../../src/policy/hierarchy.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { emptyHierarchy, type HierarchyCopy } from '../helpers/hierarchy.ts';

const IDS = ['ACR-EL-TEST', 'ACI-EL-ORG-TEST'];
const NOW = new Date('2026-11-21T10:00:00Z');

let softhsm: HierarchyCopy;
let hierarchy: Hierarchy;
let tokens: { root: HsmToken; intermediate: HsmToken };
let directory: string;

beforeAll(() => {
  softhsm = emptyHierarchy();
  process.env.SOFTHSM2_CONF = softhsm.softhsmConf;
  const { module } = softhsm;
  for (const label of ['root', 'issuing']) initToken({ module, label, soPin: '12345678', pin: '1234' });
  tokens = {
    root: openToken({ module, label: 'root', pin: '1234', latchDirectory: softhsm.root }),
    intermediate: openToken({ module, label: 'issuing', pin: '1234', latchDirectory: softhsm.root }),
  };
  hierarchy = smallHierarchy();
});
afterAll(() => {
  tokens.root.close();
  tokens.intermediate.close();
  softhsm.remove();
});
beforeEach(() => {
  directory = mkdtempSync(join(softhsm.root, 'ceremony-'));
});

/** One root and one intermediate of the TEST branch, with keys that take no time. */
function smallHierarchy(): Hierarchy {
  const { hierarchy: whole } = loadPolicies(join(import.meta.dirname, '..', '..', 'policies'));
  const authorities = whole.authorities
    .filter(({ id }) => IDS.includes(id))
    .map((authority) => ({ ...authority, key: { type: 'ec', curve: 'P-256' } as const }));
  return { ...whole, authorities };
}

/** A run of the ceremony in the test's directory; parts of it can be put out of order. */
async function run(change: (ceremony: Ceremony) => Partial<Ceremony> = () => ({})) {
  const journal = openJournal(join(directory, 'ceremony.ndjson'), { operator: 'operator:test', clock: () => NOW });
  const lines: string[] = [];
  const ceremony: Ceremony = {
    hierarchy,
    directory,
    journal,
    tokenFor: (kind) => tokens[kind],
    clock: () => NOW,
    progress: (line) => lines.push(line),
  };
  try {
    return { authorities: await createHierarchy({ ...ceremony, ...change(ceremony) }), lines };
  } finally {
    journal.close();
  }
}

const journalText = (): string => readFileSync(join(directory, 'ceremony.ndjson'), 'utf8');
const readJournal = (): CeremonyJournal =>
  openJournal(join(directory, 'ceremony.ndjson'), { operator: '', clock: () => NOW });
const files = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
  );
const serialOf = (id: string): string =>
  Buffer.from(parseCertificate(readFileSync(certificateFile(directory, id))).serial).toString('hex');

/** The same tokens, with another way to sign. */
const signingWith =
  (sign: (token: HsmToken, ...call: Parameters<HsmToken['sign']>) => Promise<Uint8Array>) => (): Partial<Ceremony> => ({
    tokenFor: (kind): CeremonyToken => ({ ...tokens[kind], sign: (...call) => sign(tokens[kind], ...call) }),
  });

class Stop extends Error {}

test('every authority gets a key in its own token and a certificate in its own file', async () => {
  const { authorities } = await run();
  expect(authorities.map(({ id, kind, issuer }) => [id, kind, issuer])).toEqual([
    ['ACR-EL-TEST', 'root', 'ACR-EL-TEST'],
    ['ACI-EL-ORG-TEST', 'intermediate', 'ACR-EL-TEST'],
  ]);
  for (const { id, kind, keyId, certificate } of authorities) {
    expect(readFileSync(certificateFile(directory, id)).equals(Buffer.from(certificate.der))).toBe(true);
    expect(tokens[kind].findKey(keyId)).toBeDefined();
    expect(tokens[kind === 'root' ? 'intermediate' : 'root'].findKey(keyId)).toBeUndefined();
  }
});

test('a second run asks no token and changes no byte of any file', async () => {
  await run();
  const before = files();
  await run(() => ({
    tokenFor: () => {
      throw new Error('a token was asked for');
    },
  }));
  expect(files()).toEqual(before);
});

test('when the token is asked to sign, the journal on the disk already has every byte', async () => {
  const recorded: boolean[] = [];
  await run(
    signingWith((token, keyId, signable) => {
      recorded.push(journalText().includes(Buffer.from(signable.tbs).toString('base64')));
      return token.sign(keyId, signable);
    }),
  );
  expect(recorded).toEqual([true, true]);
});

test.each<[string, (ceremony: Ceremony) => Partial<Ceremony>, { abandoned: number }]>([
  ['before the token signs', signingWith(() => Promise.reject(new Stop())), { abandoned: 1 }],
  [
    'after the token has signed',
    signingWith(async (token, keyId, signable) => {
      await token.sign(keyId, signable);
      throw new Stop();
    }),
    { abandoned: 1 },
  ],
  ['after the key was made and before it is in the journal', stoppingAt('key.generated', 'before'), { abandoned: 0 }],
  ['after the key is in the journal', stoppingAt('key.generated', 'after'), { abandoned: 0 }],
  ['before the intent is in the journal', stoppingAt('signature.intent', 'before'), { abandoned: 0 }],
  ['after the intent is in the journal', stoppingAt('signature.intent', 'after'), { abandoned: 1 }],
  ['before the certificate is in the journal', stoppingAt('signature.made', 'before'), { abandoned: 1 }],
  ['after the certificate is in the journal', stoppingAt('signature.made', 'after'), { abandoned: 0 }],
])(
  'a run that stops %s is finished by the next one, with one certificate for each authority',
  async (_, stop, { abandoned }) => {
    await expect(run(stop)).rejects.toThrow(Stop);
    const { lines } = await run();
    const journal = readJournal();
    const made = recordsOf(journal, 'signature.made');
    expect(made.map(({ about }) => about)).toEqual(IDS);
    expect(recordsOf(journal, 'signature.abandoned')).toHaveLength(abandoned);
    expect(lines.filter((line) => line.includes('abandoned'))).toHaveLength(abandoned);
    expect(made.map(({ der }) => der)).toEqual(
      IDS.map((id) => readFileSync(certificateFile(directory, id)).toString('base64')),
    );
    journal.close();
  },
);

/** A journal whose process dies at the first record of this kind. */
function stoppingAt(kind: string, side: 'before' | 'after') {
  return ({ journal }: Ceremony): Partial<Ceremony> => ({
    journal: {
      ...journal,
      append(step) {
        if (step.kind === kind && side === 'before') throw new Stop();
        journal.append(step);
        if (step.kind === kind) throw new Stop();
      },
    },
  });
}

test('a serial whose certificate may exist is never used again', async () => {
  const asked: string[] = [];
  const spy = signingWith(async (_, __, { tbs }) => {
    asked.push(Buffer.from(tbs).toString('hex'));
    throw new Stop();
  });
  await expect(run(spy)).rejects.toThrow(Stop);
  await expect(run(spy)).rejects.toThrow(Stop);
  await run();
  expect(new Set(asked).size).toBe(2);
  for (const tbs of asked) expect(tbs).not.toContain(serialOf('ACR-EL-TEST'));
});

test('a signature that does not verify becomes no certificate', async () => {
  const corrupt = signingWith(async (token, keyId, signable) => (await token.sign(keyId, signable)).with(9, 0));
  await expect(run(corrupt)).rejects.toBeInstanceOf(Outage);
  expect(readdirSync(directory).filter((name) => name.endsWith('.cer'))).toEqual([]);
});

test('a certificate file that was lost is written again from the journal', async () => {
  await run();
  const before = files();
  rmSync(certificateFile(directory, 'ACI-EL-ORG-TEST'));
  await run();
  expect(files()).toEqual(before);
});

test('a certificate that the journal does not know is refused before anything is made', async () => {
  await run();
  const foreign = readFileSync(certificateFile(directory, 'ACR-EL-TEST'));
  directory = mkdtempSync(join(softhsm.root, 'ceremony-'));
  writeFileSync(certificateFile(directory, 'ACR-EL-TEST'), foreign);
  await expect(run()).rejects.toMatchObject({ code: 'hierarchy_differs' });
  expect(recordsOf(readJournal(), 'key.generated')).toEqual([]);
});

test('a certificate file that was changed is refused', async () => {
  await run();
  writeFileSync(certificateFile(directory, 'ACI-EL-ORG-TEST'), 'something else');
  await expect(run()).rejects.toMatchObject({ code: 'hierarchy_differs' });
});

test.each<[string, (given: Hierarchy) => Hierarchy]>([
  ['another public URL', (given) => ({ ...given, urls: { ...given.urls, public: 'http://elsewhere.example' } })],
  [
    'another name of an authority',
    (given) => ({ ...given, authorities: given.authorities.map((ca) => ({ ...ca, commonName: 'TEST OTHER' })) }),
  ],
  [
    'one authority more',
    (given) => ({
      ...given,
      authorities: loadPolicies(join(import.meta.dirname, '..', '..', 'policies')).hierarchy.authorities,
    }),
  ],
])('a directory that was begun is refused to a policy with %s', async (_, change) => {
  await run();
  const before = files();
  const refused = await run(() => ({ hierarchy: change(hierarchy) })).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect(refused).toMatchObject({ code: 'hierarchy_differs' });
  expect(files()).toEqual(before);
});

test('CRL periods and profiles may change after creation', async () => {
  await run();
  const before = files();
  const crl = { root: { periodHours: 1, validityHours: 2 }, intermediate: { periodHours: 1, validityHours: 2 } };
  await run(() => ({
    hierarchy: { ...hierarchy, crl, authorities: hierarchy.authorities.map((ca) => ({ ...ca, issues: [] })) },
  }));
  expect(files()).toEqual(before);
});
