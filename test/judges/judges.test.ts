// Java, Go and Python read everything that the service emits, each by its own library, and agree with us; and each of them bites:
// an altered octet, another issuer, a revoked certificate and a moment too late are refused.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askJudge, JUDGES, type Judgement, type JudgeName, type Question } from './docket.ts';
import { chainAbove, collectEvidence, type Evidence, type Exhibit, purposesOf } from './evidence.ts';

/** A serial that nobody has; its first octet is below 128. */
const NEVER_ISSUED = '3f00112233445566778899aabbccddee';

let evidence: Evidence;
let judgements: Readonly<Record<JudgeName, ReadonlyMap<string, Judgement>>>;

beforeAll(async () => {
  evidence = await collectEvidence();
  await addUnknown();
  const altered = alter();
  const questions = [...certificates(), ...lists(), ...statuses(), ...altered];
  const java = [...questions.filter(({ name }) => name !== 'status of an unknown serial'), ...liveStatuses()];
  const { folder } = evidence;
  judgements = {
    java: await askJudge('java', folder, java),
    go: await askJudge('go', folder, questions),
    python: await askJudge('python', folder, questions),
  };
}, 240_000);

afterAll(() => evidence?.service.stop());

/** A little later than everything in evidence; certificates and answers begin with whole seconds. */
const now = (): string => String(Math.ceil(Date.now() / 1_000));
const seconds = (moment: Date): string => String(moment.getTime() / 1_000);

type CertificateFacts = Extract<Question, { question: 'certificate' }>['facts'];

function factsOf({ name, issuer, profile }: Exhibit): CertificateFacts {
  const chain = chainAbove(evidence, issuer).join(',');
  return { file: `${name}.cer`, chain, at: now(), purposes: purposesOf(profile) };
}

/** Every list of the path. The responder's own certificate says that nobody is to be asked about it. */
const withLists = (exhibit: Exhibit): CertificateFacts => ({
  ...factsOf(exhibit),
  crls: chainAbove(evidence, exhibit.issuer).join(',').replaceAll('.cer', '.crl'),
});

const judged = (): Exhibit[] => [...evidence.exhibits, ...evidence.revoked];

const certificates = (): Question[] => [
  ...judged().flatMap((exhibit): Question[] => [
    { name: `path of ${exhibit.name}`, question: 'certificate', facts: factsOf(exhibit) },
    { name: `path and lists of ${exhibit.name}`, question: 'certificate', facts: withLists(exhibit) },
  ]),
  ...evidence.authorities.map(({ id, issuer }): Question => {
    const facts = { file: `${id}.cer`, chain: `${issuer}.cer`, at: now() };
    return { name: `authority ${id}`, question: 'certificate', facts };
  }),
];

const lists = (): Question[] =>
  evidence.authorities.map(({ id }) => ({
    name: `list of ${id}`,
    question: 'crl',
    facts: { file: `${id}.crl`, issuer: `${id}.cer`, at: now() },
  }));

const statusFacts = ({ name, issuer, serial }: Exhibit) => ({
  certificate: `${name}.cer`,
  chain: chainAbove(evidence, issuer).join(','),
  issuer: `${issuer}.cer`,
  serial,
  at: now(),
});
const withStatus = (): Exhibit[] => judged().filter(({ id }) => id !== '');

const statuses = (): Question[] => [
  ...withStatus().map((exhibit): Question => {
    const facts = { ...statusFacts(exhibit), file: `${exhibit.name}.ocsp` };
    return { name: `status of ${exhibit.name}`, question: 'ocsp', facts };
  }),
  {
    name: 'status of an unknown serial',
    question: 'ocsp',
    facts: { ...statusFacts(sample()), serial: NEVER_ISSUED, file: 'unknown.ocsp' },
  },
];

/** Java asks the running responder itself. */
const liveStatuses = (): Question[] =>
  withStatus().map((exhibit) => ({
    name: `asking about ${exhibit.name}`,
    question: 'ocsp',
    facts: { ...statusFacts(exhibit), url: `http://127.0.0.1:${evidence.service.publicPort}/` },
  }));

function sample(): Exhibit {
  const [first] = evidence.exhibits;
  if (first === undefined) throw new Error('nothing is in evidence');
  return first;
}

async function addUnknown(): Promise<void> {
  await evidence.keepStatus('unknown', sample().issuer, Buffer.from(NEVER_ISSUED, 'hex'));
}

/** Files with one wrong octet, a wrong issuer, a moment too late: what no judge may believe. */
function alter(): Question[] {
  const one = sample();
  const facts = factsOf(one);
  const read = (file: string): Buffer => readFileSync(join(evidence.folder, file));
  evidence.write('altered.cer', flip(read(`${one.name}.cer`), -1));
  evidence.write('altered.crl', flip(read(`${one.issuer}.crl`), -1));
  const answer = read(`${one.name}.ocsp`);
  // before the delegate's certificate come two tags with their lengths, eight octets; before these, the end of the signature
  const delegate = answer.indexOf(read(`${responderOf(one).name}.cer`));
  expect(delegate).toBeGreaterThan(8);
  evidence.write('altered.ocsp', flip(answer, delegate - 9));
  const other = evidence.authorities.find(({ id, issuer }) => id !== issuer && id !== one.issuer)?.id ?? '';
  const late = seconds(new Date(one.notAfter.getTime() + 86_400_000));
  const certificate = (name: string, changed: Partial<CertificateFacts>): Question => ({
    name,
    question: 'certificate',
    facts: { ...facts, ...changed },
  });
  return [
    certificate('altered certificate', { file: 'altered.cer' }),
    certificate('certificate of another issuer', { chain: chainAbove(evidence, other).join(',') }),
    certificate('certificate a day too late', { at: late }),
    certificate('certificate with an altered list', { crls: `altered.crl,${rootOf(one)}.crl` }),
    certificate('certificate for another purpose', { purposes: '1.3.6.1.5.5.7.3.8' }),
    {
      name: 'altered list',
      question: 'crl',
      facts: { file: 'altered.crl', issuer: `${one.issuer}.cer`, at: now() },
    },
    { name: 'late list', question: 'crl', facts: { file: `${one.issuer}.crl`, issuer: `${one.issuer}.cer`, at: late } },
    { name: 'altered answer', question: 'ocsp', facts: { ...statusFacts(one), file: 'altered.ocsp' } },
    { name: 'late answer', question: 'ocsp', facts: { ...statusFacts(one), file: `${one.name}.ocsp`, at: tomorrow() } },
  ];
}

const tomorrow = (): string => String(Number(now()) + 2 * 86_400);
const rootOf = ({ issuer }: Exhibit): string => evidence.authorities.find(({ id }) => id === issuer)?.issuer ?? '';

function responderOf({ issuer }: Exhibit): Exhibit {
  const found = evidence.exhibits.find((exhibit) => exhibit.id === '' && exhibit.issuer === issuer);
  if (found === undefined) throw new Error(`no responder of ${issuer} is in evidence`);
  return found;
}

function flip(octets: Buffer, at: number): Buffer {
  const altered = Buffer.from(octets);
  const index = at < 0 ? altered.length + at : at;
  altered[index] = (altered[index] ?? 0) ^ 1;
  return altered;
}

/** What a judge said otherwise than expected, by the name of the question. */
function otherwise(judge: JudgeName, expected: readonly (readonly [name: string, answer: Partial<Judgement>])[]) {
  return expected.flatMap(([name, answer]) => {
    const given = judgements[judge].get(name);
    const same = Object.entries(answer).every(([key, value]) => given?.[key as keyof Judgement] === value);
    return same ? [] : [{ name, given }];
  });
}

const ACCEPTED = { verdict: 'accepted' } as const;
const REFUSED = { verdict: 'refused' } as const;

it('every profile is in evidence', () => {
  const shown = new Set(evidence.exhibits.map(({ profile }) => profile.name));
  expect([...shown].sort()).toEqual([...evidence.system.policies.profiles.keys()].sort());
});

describe.each(JUDGES)('to %s', (judge) => {
  it('every certificate leads to its root, for every purpose that its profile names', () => {
    expect(
      otherwise(
        judge,
        judged().map(({ name }) => [`path of ${name}`, ACCEPTED]),
      ),
    ).toEqual([]);
  });

  it('no certificate is on a list but the revoked ones', () => {
    const good = evidence.exhibits.map(({ name }) => [`path and lists of ${name}`, ACCEPTED] as const);
    const revoked = evidence.revoked.map(({ name }) => [`path and lists of ${name}`, REFUSED] as const);
    expect(otherwise(judge, [...good, ...revoked])).toEqual([]);
    for (const [name] of revoked) expect(judgements[judge].get(name)?.said).toMatch(/revoked/i);
  });

  it('every authority is certified by its root', () => {
    expect(
      otherwise(
        judge,
        evidence.authorities.map(({ id }) => [`authority ${id}`, ACCEPTED]),
      ),
    ).toEqual([]);
  });

  it('every list is signed by its authority, is current, and names the revoked serials and no other', () => {
    const expected = evidence.authorities.map(({ id }) => {
      const said = evidence.revoked.flatMap(({ issuer, serial }) => (issuer === id ? [serial] : []));
      return [`list of ${id}`, { ...ACCEPTED, said: said.join(',') }] as const;
    });
    expect(otherwise(judge, expected)).toEqual([]);
  });

  it('OCSP answers are signed by a delegate of the authority, and say good, revoked or unknown as it is', () => {
    const good = evidence.exhibits.filter(({ id }) => id !== '');
    const expected = [
      ...good.map(({ name }) => [`status of ${name}`, { ...ACCEPTED, said: 'good' }] as const),
      ...evidence.revoked.map(({ name }) => [`status of ${name}`, { ...ACCEPTED, said: 'revoked' }] as const),
      // Java reads no answer but about a certificate that it holds
      ...(judge === 'java' ? [] : [['status of an unknown serial', { ...ACCEPTED, said: 'unknown' }] as const]),
    ];
    expect(otherwise(judge, expected)).toEqual([]);
  });

  it.each([
    ['altered certificate', /signature|verif|invalid/i],
    ['certificate of another issuer', /issuer|authority|chain|signature/i],
    ['certificate a day too late', /expired|not valid|NotAfter|validity/i],
    ['certificate with an altered list', /signature|verif|revocation/i],
    ['certificate for another purpose', /purpose|target certificate constraints|1\.3\.6\.1\.5\.5\.7\.3\.8/i],
    ['altered list', /signature|verif/i],
    ['late list', /not current/],
    ['altered answer', /signature|verif/i],
    ['late answer', /current|interval|expired|validity/i],
  ])('%s: refused, and for that reason', (name, reason) => {
    expect(judgements[judge].get(name)).toEqual({ verdict: 'refused', said: expect.stringMatching(reason) });
  });
});

it('Java’s own OCSP client believes the running responder', () => {
  const good = evidence.exhibits.filter(({ id }) => id !== '');
  const expected = [
    ...good.map(({ name }) => [`asking about ${name}`, { ...ACCEPTED, said: 'good' }] as const),
    ...evidence.revoked.map(({ name }) => [`asking about ${name}`, { ...ACCEPTED, said: 'revoked' }] as const),
  ];
  expect(otherwise('java', expected)).toEqual([]);
});
