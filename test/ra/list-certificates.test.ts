// Row 15: an administrator sees the certificates of their structures and nothing else, in lists, extracts, look-ups and revocations.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordIntent } from '#db/certificates.ts';
import { recordRevocation } from '#db/revocations.ts';
import { Refusal } from '../../src/errors.ts';
import type { AdministratorActor } from '../../src/ra/find-actor.ts';
import { extractCertificates, type ListFilter, listVisibleCertificates } from '../../src/ra/list-certificates.ts';
import { intent, issued, recordSampleAuthority } from '../db/samples.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

const [HOSPITAL, AGENCY, OTHER] = ['10B0057881', '318751275100020', '3187512751'];
const NOW = new Date('2026-12-01T00:00:00Z');

let fresh: FreshDatabase;
let system: { db: FreshDatabase['db']; clock: () => Date };
const ids: Record<string, string> = {};

const administrator = (...structures: (string | undefined)[]): AdministratorActor => ({
  kind: 'administrator',
  id: '01990000-0000-7000-8000-000000000001',
  structures: structures.filter((structure) => structure !== undefined),
});

beforeAll(async () => {
  fresh = await freshDatabase();
  system = { db: fresh.db, clock: () => NOW };
  const { read } = fresh.db;
  await recordSampleAuthority(fresh.db);
  const person = { holder: { kind: 'professional', idNatPs: '899700075064' }, holderKey: '899700075064' };
  ids.hospital = (await issued(read)).id;
  ids.hospitalsProfessional = (await issued(read, { ...person, structure: HOSPITAL })).id;
  ids.agencysProfessional = (await issued(read, { ...person, structure: AGENCY })).id;
  ids.operators = (await issued(read, person)).id;
  ids.signing = intent().id;
  await recordIntent(read, intent({ id: ids.signing }));
  ids.revoked = (await issued(read)).id;
  await recordRevocation(read, { certificateId: ids.revoked, revokedAt: NOW, reason: 'superseded', actor: 'o' });
});
afterAll(() => fresh.drop());

const nameOf = (id: string): string => Object.keys(ids).find((name) => ids[name] === id) ?? id;

const listed = async (actor: AdministratorActor, filter: ListFilter = {}) =>
  (await listVisibleCertificates(system, { filter, actor, limit: 50 })).certificates.map(({ id }) => nameOf(id));

const extracted = async (actor: AdministratorActor, { after, bound }: { after?: string; bound?: number } = {}) => {
  const query = { filter: {}, actor, again: async () => actor, ...(after === undefined ? {} : { after }) };
  const { certificates, next } = await extractCertificates(system, query, bound);
  const names: string[] = [];
  for await (const { id } of certificates) names.push(nameOf(id));
  return { names, next };
};

describe('an administrator', () => {
  it.each([
    ['of one structure', [HOSPITAL], ['revoked', 'hospitalsProfessional', 'hospital']],
    ['of two', [HOSPITAL, AGENCY], ['revoked', 'agencysProfessional', 'hospitalsProfessional', 'hospital']],
    ['of one that has none', [OTHER], []],
    ['of none', [], []],
  ])('%s sees what belongs to it, whoever holds it, and what was issued only', async (_, structures, names) => {
    expect(await listed(administrator(...structures))).toEqual(names);
    expect((await extracted(administrator(...structures))).names).toEqual(names);
  });

  it('finds a person’s certificates in their own structures only', async () => {
    expect(await listed(administrator(AGENCY), { holder: '899700075064' })).toEqual(['agencysProfessional']);
  });

  it.each([HOSPITAL, OTHER, 'unknown'])(
    'is refused the structure %s, which is not theirs, in one way',
    async (structure) => {
      const query = { filter: { structure: structure ?? '' }, actor: administrator(AGENCY), limit: 5 };
      const refusal = {
        code: 'not_allowed',
        findings: [{ rule: 'a technical administrator acts for their own structures', at: 'query:/structure' }],
      };
      await expect(listVisibleCertificates(system, query)).rejects.toMatchObject(refusal);
      const again = async () => query.actor;
      await expect(extractCertificates(system, { ...query, again })).rejects.toMatchObject(refusal);
    },
  );
});

it('a list shows whose it is, who holds it, its key and its state', async () => {
  const query = { filter: {}, actor: administrator(HOSPITAL), limit: 2 };
  const { certificates, next } = await listVisibleCertificates(system, query);
  expect(certificates).toMatchObject([
    { state: 'revoked', revocation: { reason: 'superseded', revokedAt: NOW.toISOString() } },
    {
      state: 'issued',
      holder: { structure: HOSPITAL, identifier: '899700075064' },
      keyDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      created: expect.stringMatching(/Z$/),
    },
  ]);
  expect(next).toBe(ids.hospitalsProfessional);
});

describe('an extract under way', () => {
  const begun = async (
    actor: AdministratorActor,
    again: () => Promise<AdministratorActor>,
    filter: ListFilter = {},
  ) => {
    const { certificates } = await extractCertificates(system, { filter, actor, again });
    const names: string[] = [];
    for await (const { id } of certificates) names.push(nameOf(id));
    return names;
  };

  it('shows what its reader may see now, not what they could see when it began', async () => {
    const names = await begun(administrator(HOSPITAL, AGENCY), async () => administrator(AGENCY));
    expect(names).toEqual(['agencysProfessional']);
  });

  it('breaks off when its reader is refused meanwhile, or has lost the structure that they asked for', async () => {
    const refused = new Refusal('client_certificate_refused', 'revoked meanwhile');
    await expect(begun(administrator(HOSPITAL), () => Promise.reject(refused))).rejects.toBe(refused);
    const lost = begun(administrator(HOSPITAL), async () => administrator(AGENCY), { structure: HOSPITAL });
    await expect(lost).rejects.toMatchObject({ code: 'not_allowed' });
  });
});

it('an extract ends at its bound, says so before its first row, and the next one goes on behind it', async () => {
  const actor = administrator(HOSPITAL, AGENCY);
  const whole = (await extracted(actor)).names;
  for (const bound of [1, 2, 3]) {
    const first = await extracted(actor, { bound });
    expect([first.names, first.next]).toEqual([whole.slice(0, bound), ids[whole[bound - 1] ?? '']]);
    const rest = await extracted(actor, { after: first.next ?? '' });
    expect([rest.names, rest.next]).toEqual([whole.slice(bound), undefined]);
  }
  expect((await extracted(actor, { bound: 4 })).next).toBeUndefined();
});
