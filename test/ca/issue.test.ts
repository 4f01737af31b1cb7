// Issuance step by step on a real database and a real signer: what is recorded, what is audited, and what the token is asked.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findCertificate } from '#db/certificates.ts';
import type { Actor } from '../../src/actor.ts';
import { type IssueCommand, issueCertificate } from '../../src/ca/issue.ts';
import { Outage } from '../../src/errors.ts';
import type { Profile } from '../../src/policy/profile.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import {
  AGENCY,
  DURAND,
  HOSPITAL,
  issueCard,
  makeAdministrator,
  newKeyPair,
  recordStructures,
  serverCsr,
} from '../helpers/cast.ts';
import { buildCsr, subject } from '../helpers/csr.ts';
import { prepareService, type RunningRole, type Service, untilReady } from '../helpers/service.ts';

let service: Service;
let signer: RunningRole;
/** as the api role sees the house */
let system: System;
let administrator: Actor;
let other: Actor;

beforeAll(async () => {
  service = await prepareService({ spy: true });
  signer = service.startTimed('issuing');
  system = await service.open('api');
  await untilReady(system.issuing);
  await recordStructures(system);
  administrator = await makeAdministrator(system, DURAND, [HOSPITAL]);
  other = { kind: 'administrator', id: '01990000-0000-7000-8000-000000000001', structures: [HOSPITAL.structIdNat] };
}, 60_000);

afterAll(() => service?.stop());

type Row = { readonly id: string; readonly state: string; readonly actor: string; readonly settled_at: string | null };
type Event = {
  readonly kind: string;
  readonly actor: string;
  readonly subject_id: string;
  readonly content: Record<string, unknown>;
};

const rows = async (): Promise<Row[]> =>
  (await system.db.read.execute<Row>('select id, state, actor, settled_at from certificate order by created_at')).rows;
const events = async (): Promise<Event[]> =>
  (await system.db.read.execute<Event>('select kind, actor, subject_id, content from audit_event order by id')).rows;
const signatures = (): number => service.spy?.calls().filter((call) => call === 'C_Sign').length ?? Number.NaN;

/** What happened since the last test: new rows, new audit rows, calls of C_Sign. */
let before: { rows: number; events: number; signatures: number };
beforeEach(async () => {
  before = { rows: (await rows()).length, events: (await events()).length, signatures: signatures() };
});
const news = async () => ({
  rows: (await rows()).slice(before.rows),
  events: (await events()).slice(before.events),
  signatures: signatures() - before.signatures,
});

const order = (parts: Partial<IssueCommand> = {}): IssueCommand => ({
  profile: 'serv-ssl',
  holder: { kind: 'structure', ...HOSPITAL },
  key: { csr: serverCsr('www.hopital-generique.fr') },
  actor: administrator,
  ...parts,
});

it('an issued certificate has one row, one intent, one outcome and one signature', async () => {
  const { id, der } = await issueCertificate(system, order());
  const found = await news();
  const actor = `administrator:${administrator.id}`;
  expect(found.rows).toEqual([{ id, state: 'issued', actor, settled_at: expect.any(String) }]);
  expect(found.signatures).toBe(1);
  expect(found.events.map(({ kind, actor, subject_id }) => [kind, actor, subject_id])).toEqual([
    ['certificate_intent', actor, id],
    ['certificate_issued', actor, id],
  ]);
  const row = await findCertificate(system.db.read, id);
  expect(Buffer.from(row?.der ?? [])).toEqual(Buffer.from(der));
  expect(row?.profileDigest).toBe(system.policies.profiles.get('serv-ssl')?.digest);
});

it('the serial and the bytes to be signed are in the database before the token is asked', async () => {
  let atTheToken: unknown;
  const issuing: System['issuing'] = {
    ...system.issuing,
    sign: async (keyId, signable) => {
      const { rows: found } = await system.db.read.execute<{ state: string; tbs: Uint8Array }>(
        'select state, tbs from certificate order by created_at desc limit 1',
      );
      atTheToken = found.map(({ state, tbs }) => [state, Buffer.from(tbs).equals(Buffer.from(signable.tbs))]);
      return system.issuing.sign(keyId, signable);
    },
  };
  await issueCertificate({ ...system, issuing }, order());
  expect(atTheToken).toEqual([['signing', true]]);
});

it('notBefore is the moment of the clock in whole seconds, notAfter three calendar years later', async () => {
  service.clock.moveTo(new Date('2027-02-28T23:59:58.700Z'));
  const { der } = await issueCertificate(system, order());
  service.clock.moveTo(new Date());
  const { notBefore, notAfter } = parseCertificate(der);
  expect([notBefore, notAfter].map((moment) => moment.toISOString().slice(0, 10))).toEqual([
    '2027-02-28',
    '2030-02-28',
  ]);
  expect([notBefore.getMilliseconds(), notAfter.getTime()]).toEqual([0, new Date(notBefore).setUTCFullYear(2030)]);
});

describe('a refusal', () => {
  it('costs no row and no signature, and is audited with its code', async () => {
    const refused = order({ names: { commonName: 'www.somebody-else.fr' } });
    await expect(issueCertificate(system, refused)).rejects.toMatchObject({ code: 'name_conflict' });
    expect(await news()).toMatchObject({ rows: [], signatures: 0 });
    expect((await news()).events).toEqual([
      {
        kind: 'certificate_refused',
        actor: `administrator:${administrator.id}`,
        subject_id: 'serv-ssl',
        content: { code: 'name_conflict' },
      },
    ]);
  });

  it('of a profile that nobody knows does not write what was typed into the audit', async () => {
    await expect(issueCertificate(system, order({ profile: 'Anne DURAND' }))).rejects.toMatchObject({
      code: 'profile_unknown',
    });
    expect((await news()).events).toMatchObject([
      { subject_id: 'unknown profile', content: { code: 'profile_unknown' } },
    ]);
  });

  it.each(['cps-auth', 'cpe-auth', 'ocsp-responder'])(
    'profile_not_orderable: %s is not for an administrator',
    async (profile) => {
      await expect(issueCertificate(system, order({ profile }))).rejects.toMatchObject({
        code: 'profile_not_orderable',
      });
      expect(await news()).toMatchObject({ rows: [], signatures: 0, events: [{ kind: 'certificate_refused' }] });
    },
  );

  it('of the lint comes before the row and the token, and is audited too', async () => {
    // a profile that changes between the decision and the lint: the structure is no longer what the profile says
    const profiles = new Map(system.policies.profiles);
    const real = profiles.get('serv-ssl');
    if (real === undefined) throw new Error('there is a profile serv-ssl');
    const changed: Profile = { ...real, keyUsage: { rsa: ['digitalSignature'], ec: ['keyAgreement'] } };
    const answers = [real, changed];
    const policies = {
      ...system.policies,
      profiles: Object.assign(profiles, { get: () => answers.shift() ?? changed }),
    };
    await expect(issueCertificate({ ...system, policies }, order())).rejects.toMatchObject({ code: 'lint_failed' });
    expect(await news()).toMatchObject({
      rows: [],
      signatures: 0,
      events: [{ kind: 'certificate_refused', subject_id: 'serv-ssl', content: { code: 'lint_failed' } }],
    });
  });
});

it('no audit row names a person in kind, actor or subject', async () => {
  const operator = await service.open('operator');
  await issueCard(operator, DURAND);
  for (const { kind, actor, subject_id } of await events())
    expect(`${kind} ${actor} ${subject_id}`).not.toMatch(
      new RegExp(`${DURAND}|durand|anne|${HOSPITAL.structIdNat}`, 'i'),
    );
});

/** A signer that does `instead` once. */
const failing = (instead: System['issuing']['sign']): System => ({
  ...system,
  issuing: { ...system.issuing, sign: instead },
});

describe('a token that gives no signature', () => {
  it('and was certainly not asked leaves an unsigned row: nothing to revoke', async () => {
    const away = failing(() => Promise.reject(new Outage('hsm', 'away', { signature: 'none' })));
    await expect(issueCertificate(away, order())).rejects.toBeInstanceOf(Outage);
    const {
      rows: [row],
      events: audited,
    } = await news();
    expect(row).toMatchObject({ state: 'unsigned', settled_at: expect.any(String) });
    expect(audited.map(({ kind }) => kind)).toEqual(['certificate_intent', 'certificate_unsigned']);
    expect((await findCertificate(system.db.read, row?.id ?? ''))?.revocation).toBeUndefined();
  });

  it.each([
    ['did not answer', () => Promise.reject(new Outage('hsm', 'no answer', { signature: 'unknown' }))],
    ['answered nonsense', () => Promise.resolve(new Uint8Array(512))],
    ['ended with a bug of ours', () => Promise.reject(new TypeError('bug'))],
  ])('and %s leaves a burnt row, revoked at once', async (_what, instead) => {
    await expect(issueCertificate(failing(instead), order())).rejects.toThrow();
    const {
      rows: [row],
      events: audited,
    } = await news();
    expect(row).toMatchObject({ state: 'burnt', settled_at: expect.any(String) });
    expect(audited.map(({ kind }) => kind)).toEqual(['certificate_intent', 'certificate_burnt']);
    expect((await findCertificate(system.db.read, row?.id ?? ''))?.revocation).toMatchObject({ reason: 'unspecified' });
  });

  it('may be asked again with the same key for the same order, in a new row with a new serial', async () => {
    const again = order();
    for (const signature of ['none', 'unknown'] as const) {
      const away = failing(() => Promise.reject(new Outage('hsm', 'away', { signature })));
      await expect(issueCertificate(away, again)).rejects.toBeInstanceOf(Outage);
    }
    const { id } = await issueCertificate(system, again);
    const tried = (await news()).rows;
    expect(tried.map(({ state }) => state)).toEqual(['unsigned', 'burnt', 'issued']);
    expect(tried[2]?.id).toBe(id);
    const serials = await Promise.all(
      tried.map(async (row) => (await findCertificate(system.db.read, row.id))?.serial),
    );
    expect(new Set(serials.map((serial) => Buffer.from(serial ?? []).toString('hex'))).size).toBe(3);
  });

  it('is not asked again for another order or another actor with the same key', async () => {
    const key = newKeyPair();
    const first = order({ key: { csr: serverCsr('www.hopital-generique.fr', key) } });
    const away = failing(() => Promise.reject(new Outage('hsm', 'away', { signature: 'unknown' })));
    await expect(issueCertificate(away, first)).rejects.toBeInstanceOf(Outage);
    const others = [
      { ...first, actor: other },
      { ...first, key: { csr: serverCsr('autre.hopital-generique.fr', key) } },
      { ...first, holder: { kind: 'structure', ...AGENCY } as const },
    ];
    for (const command of others)
      await expect(issueCertificate(system, command)).rejects.toMatchObject({ code: 'key_reused' });
    expect((await news()).signatures).toBe(0);
    await issueCertificate(system, first);
  });

  it('is not asked again for other hosts under the same subject with the same key', async () => {
    const csr = buildCsr({ key: newKeyPair(), subject: subject() });
    const first = order({ key: { csr }, names: { dnsNames: ['www.hopital-generique.fr'] } });
    const away = failing(() => Promise.reject(new Outage('hsm', 'away', { signature: 'unknown' })));
    await expect(issueCertificate(away, first)).rejects.toBeInstanceOf(Outage);
    const more = { ...first, names: { dnsNames: ['www.hopital-generique.fr', 'autre.hopital-generique.fr'] } };
    await expect(issueCertificate(system, more)).rejects.toMatchObject({ code: 'key_reused' });
    await issueCertificate(system, first);
  });
});

it('a signer that is not there is an outage, leaves an unsigned row, and the order succeeds once it is back', async () => {
  const again = order();
  await signer.stop();
  await expect(issueCertificate(system, again)).rejects.toMatchObject({ what: 'hsm', signature: 'none' });
  signer = service.startTimed('issuing');
  await untilReady(system.issuing);
  await issueCertificate(system, again);
  expect((await news()).rows.map(({ state }) => state)).toEqual(['unsigned', 'issued']);
});
