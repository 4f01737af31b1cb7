// Rows 8 and 16 of the bad input that a service meets, on the whole service: a request that is repeated, fifty times at once or
// after a restart, makes one certificate; a key makes one certificate; and what is refused costs neither a row nor a call of the token.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authority } from '../../src/authority.ts';
import type { System } from '../../src/system.ts';
import { boolean, NULL, objectIdentifier, sequence, utf8String } from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { expectInContract } from '../api/fake-use-cases.ts';
import {
  type Answer,
  type ApiClient,
  type CertificateDocument,
  createApiClient,
  type Order,
  type Problem,
} from '../helpers/api-client.ts';
import {
  AGENCY,
  csrPem,
  DURAND,
  HOSPITAL,
  issueCard,
  MARTIN,
  makeAdministrator,
  newKeyPair,
  recordStructures,
  serverCsr,
  writeApiCertificate,
} from '../helpers/cast.ts';
import { attribute, buildCsr, dns, extension, extensionRequest, subject } from '../helpers/csr.ts';
import { prepareService, type RunningRole, type Service, until, untilReady } from '../helpers/service.ts';

let service: Service;
let operator: System;
let role: RunningRole;
let api: ApiClient;
/** the other administrator, of both structures */
let colleague: ApiClient;

beforeAll(async () => {
  service = await prepareService({ spy: true });
  service.start('signer issuing');
  operator = await service.open('operator');
  await untilReady(operator.issuing);
  await recordStructures(operator);
  await writeApiCertificate(operator, service);
  role = service.start('api');
  api = createApiClient(service, await issueCard(operator, DURAND));
  colleague = createApiClient(service, await issueCard(operator, MARTIN));
  await makeAdministrator(operator, DURAND, [HOSPITAL]);
  await makeAdministrator(operator, MARTIN, [HOSPITAL, AGENCY]);
  await untilApi();
}, 60_000);

afterAll(() => service?.stop());

const untilApi = (): Promise<void> => until(async () => (await api.call('GET', '/readyz')).statusCode === 200);

/** A new order of a server certificate with a key of its own. */
function newOrder(parts: Partial<Order> & { readonly key?: ReturnType<typeof newKeyPair> } = {}): Order {
  const { key = newKeyPair(), ...rest } = parts;
  const csr = csrPem(serverCsr('www.hopital-generique.fr', key));
  return { profile: 'serv-ssl', holder: { structure: HOSPITAL.structIdNat }, csr, ...rest };
}

const withKey = (key: string) => ({ headers: { 'idempotency-key': key } });
const codeOf = (answer: Answer): string | undefined => answer.json<Problem>().code;
const idOf = (answer: Answer): string => answer.json<CertificateDocument>().id;
const times = <T>(count: number, act: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, act));

/** What was written and what was asked of the token so far. */
async function spent(): Promise<{ rows: number; signatures: number }> {
  const { rows } = await operator.db.read.execute<{ rows: number }>('select count(*)::int as rows from certificate');
  const signatures = service.spy?.calls().filter((call) => call === 'C_Sign').length ?? Number.NaN;
  return { rows: rows[0]?.rows ?? Number.NaN, signatures };
}

/** What `act` cost beyond what was spent before. */
async function costOf(act: () => Promise<unknown>): Promise<{ rows: number; signatures: number }> {
  const before = await spent();
  await act();
  const after = await spent();
  return { rows: after.rows - before.rows, signatures: after.signatures - before.signatures };
}

describe('one Idempotency-Key', () => {
  it('makes one certificate of fifty equal requests at once', async () => {
    const order = newOrder();
    const answers: Answer[] = [];
    const cost = await costOf(async () => {
      answers.push(...(await times(50, () => api.order(order, withKey('fifty')))));
    });
    expect(cost).toEqual({ rows: 1, signatures: 1 });
    const made = answers.filter(({ statusCode }) => statusCode === 201);
    const waiting = answers.filter(({ statusCode }) => statusCode === 409);
    expect([made.length > 0, made.length + waiting.length]).toEqual([true, 50]);
    expect(new Set(made.map((answer) => answer.body.toString())).size).toBe(1);
    expect(new Set(waiting.map(codeOf))).toEqual(new Set(waiting.length === 0 ? [] : ['idempotency_key_in_progress']));
    for (const answer of waiting.slice(0, 1)) expectInContract('orderCertificate', answer);
    expect((await api.order(order, withKey('fifty'))).body).toEqual(made[0]?.body);
  });

  it('gives the same answer after a restart of the api', async () => {
    const order = newOrder();
    const first = await api.order(order, withKey('restart'));
    expect(await role.stop()).toBe(0);
    role = service.start('api');
    await untilApi();
    const cost = await costOf(async () => {
      const second = await api.order(order, withKey('restart'));
      expect([second.statusCode, second.body, second.headers.location]).toEqual([
        201,
        first.body,
        first.headers.location,
      ]);
    });
    expect(cost).toEqual({ rows: 0, signatures: 0 });
  });

  it('with another body is 422', async () => {
    expect((await api.order(newOrder(), withKey('other body'))).statusCode).toBe(201);
    const other = await api.order(newOrder(), withKey('other body'));
    expect([other.statusCode, codeOf(other)]).toEqual([422, 'idempotency_key_reused']);
    expectInContract('orderCertificate', other);
  });

  it('keeps a refusal too: the same request gets it again, and a mended one needs another key', async () => {
    const refused = newOrder({ names: { commonName: 'intranet.local' } });
    const first = await api.order(refused, withKey('refused'));
    const second = await api.order(refused, withKey('refused'));
    const problem = ({ statusCode, ...answer }: Answer) => ({ statusCode, ...answer.json<Problem>(), instance: '' });
    expect(first.statusCode).toBe(422);
    expect(problem(second)).toEqual(problem(first));
    expect(codeOf(await api.order(newOrder(), withKey('refused')))).toBe('idempotency_key_reused');
  });

  it('belongs to one actor: another one makes their own certificate with it', async () => {
    const [mine, theirs] = [
      await api.order(newOrder(), withKey('shared')),
      await colleague.order(newOrder(), withKey('shared')),
    ];
    expect([mine.statusCode, theirs.statusCode]).toEqual([201, 201]);
    expect(idOf(theirs)).not.toBe(idOf(mine));
  });

  it('belongs to one act: the same one orders, revokes, and revokes something else', async () => {
    const ordered = await api.order(newOrder(), withKey('acts'));
    const other = await api.order(newOrder());
    const answers = [
      await api.revoke(idOf(ordered), 'superseded', withKey('acts')),
      await api.revoke(idOf(other), 'superseded', withKey('acts')),
      await api.revoke(idOf(ordered), 'superseded', withKey('acts')),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect(answers[2]?.body).toEqual(answers[0]?.body);
    expect(codeOf(await api.revoke(idOf(ordered), 'superseded', withKey('again')))).toBe('already_revoked');
  });

  it('shows nothing more to an actor whose right has ended, and everything again when it is back', async () => {
    const order = newOrder({ holder: { structure: AGENCY.structIdNat } });
    expect((await colleague.order(order, withKey('right'))).statusCode).toBe(201);
    const link = `from administrator_structure link using structure
      where structure.id = link.structure_id and structure.struct_id_nat = '${AGENCY.structIdNat}'`;
    const { rows } = await operator.db.read.execute<{ administrator_id: string; structure_id: string }>(
      `delete ${link} returning administrator_id, structure_id`,
    );
    const later = await colleague.order(order, withKey('right'));
    expect([later.statusCode, codeOf(later)]).toEqual([403, 'not_allowed']);
    expectInContract('orderCertificate', later);
    for (const { administrator_id, structure_id } of rows)
      await operator.db.read.execute(
        `insert into administrator_structure (administrator_id, structure_id) values ('${administrator_id}', '${structure_id}')`,
      );
    expect((await colleague.order(order, withKey('right'))).statusCode).toBe(201);
  });

  it('makes one revocation of twenty equal requests at once', async () => {
    const id = idOf(await api.order(newOrder()));
    const answers = await times(20, () => api.revoke(id, 'superseded', withKey('revocations')));
    expect(answers.some(({ statusCode }) => statusCode === 200)).toBe(true);
    expect(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 409)).toBe(true);
    const { rows } = await operator.db.read.execute(
      `select 1 from audit_event where kind = 'certificate_revoked' and subject_id = '${id}'`,
    );
    expect(rows).toHaveLength(1);
  });
});

describe('one key pair', () => {
  const expectRefused = async (answer: Answer, code: string): Promise<void> => {
    expect([answer.statusCode, codeOf(answer)]).toEqual([422, code]);
    expectInContract('orderCertificate', answer);
  };

  it('makes one certificate of ten equal requests at once that have no Idempotency-Key', async () => {
    const order = newOrder();
    const answers: Answer[] = [];
    const cost = await costOf(async () => {
      answers.push(...(await times(10, () => api.order(order))));
    });
    expect(cost).toEqual({ rows: 1, signatures: 1 });
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    // before the first is settled nobody can say what becomes of the key; afterwards everybody is told
    for (const answer of answers.filter(({ statusCode }) => statusCode !== 201))
      expect(['key_reused', 'service_unavailable']).toContain(codeOf(answer));
    await expectRefused(await api.order(order), 'key_reused');
  });

  it('is not certified again for its holder, for another holder, or under another profile', async () => {
    const key = newKeyPair();
    await api.order(newOrder({ key }));
    const cost = await costOf(async () => {
      await expectRefused(await api.order(newOrder({ key })), 'key_reused');
      await expectRefused(await api.order(newOrder({ key, profile: 'org-auth-cli' })), 'key_reused');
      await expectRefused(
        await colleague.order(newOrder({ key, holder: { structure: AGENCY.structIdNat } })),
        'key_reused',
      );
    });
    expect(cost).toEqual({ rows: 0, signatures: 0 });
  });

  it('is not certified again when its certificate was revoked, and is blocked after keyCompromise', async () => {
    const [lost, stolen] = [newKeyPair(), newKeyPair()];
    await api.revoke(idOf(await api.order(newOrder({ key: lost }))), 'superseded');
    await api.revoke(idOf(await api.order(newOrder({ key: stolen }))), 'keyCompromise');
    await expectRefused(await api.order(newOrder({ key: lost })), 'key_reused');
    await expectRefused(await api.order(newOrder({ key: stolen })), 'key_blocked');
    await expectRefused(
      await colleague.order(newOrder({ key: stolen, holder: { structure: AGENCY.structIdNat } })),
      'key_blocked',
    );
  });

  it('of a card is not certified for a server', async () => {
    const key = newKeyPair('rsa');
    await issueCard(operator, DURAND, key);
    await expectRefused(await api.order(newOrder({ key })), 'key_reused');
  });

  it.each(['ACI-EL-ORG-TEST', 'ACI-FO-PP-TEST'])(
    'of %s is not certified, though it signs its request itself',
    async (id) => {
      const cost = await costOf(async () => {
        await expectRefused(await api.order(newOrder({ csr: csrPem(csrOfAuthority(id)) })), 'key_reused');
      });
      expect(cost.rows).toBe(0);
    },
  );
});

/** A request for the key of a CA, signed by its token: whoever had the token's PIN could make it, and it proves possession. */
function csrOfAuthority(id: string): Uint8Array {
  const { certificate, keyId } = authorityOf(id);
  const { hierarchy, directory } = service;
  return buildCsr({
    subject: subject(attribute(OID.commonName, utf8String('www.hopital-generique.fr'))),
    attributes: [extensionRequest(dns('www.hopital-generique.fr'))],
    spki: certificate.spki,
    signature: (info) => {
      writeFileSync(join(directory, 'info'), info);
      const pin = readFileSync(hierarchy.pinFiles.issuing, 'utf8').trim();
      const token = ['--module', hierarchy.module, '--token-label', 'igc-sante-issuing', '--login', '--pin', pin];
      const key = ['--id', Buffer.from(keyId).toString('hex'), '--mechanism', 'SHA256-RSA-PKCS'];
      execFileSync('pkcs11-tool', [...token, '--sign', ...key, '-i', 'info', '-o', 'signature'], {
        cwd: directory,
        env: { PATH: process.env.PATH, ...hierarchy.environment },
        stdio: 'ignore',
      });
      return readFileSync(join(directory, 'signature'));
    },
  });
}

function authorityOf(id: string): Authority {
  const authority = operator.authorities.get(id);
  if (authority === undefined) throw new Error(`there is no ${id}`);
  return authority;
}

describe('a refused order costs neither a row nor a call of the token', () => {
  const csr = (parts: Parameters<typeof buildCsr>[0]): Partial<Order> => ({ csr: csrPem(buildCsr(parts)) });
  const named = (commonName: string): Partial<Order> => ({ names: { commonName, dnsNames: [commonName] } });

  /** All calls but the signer's own look whether it is still logged in, which comes every few seconds. */
  const tokenCalls = () => service.spy?.calls().filter((call) => call !== 'C_GetSessionInfo');

  it.each([
    ['csr_malformed', 400, () => ({ csr: csrPem(Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00)) })],
    ['csr_signature_invalid', 422, () => csr({ key: newKeyPair(), signature: Buffer.alloc(70) })],
    [
      'csr_algorithm_not_allowed',
      422,
      () => csr({ algorithm: sequence(objectIdentifier('1.2.840.113549.1.1.5'), NULL), hash: 'sha1' }),
    ],
    [
      'csr_extension_not_allowed',
      422,
      () => csr({ attributes: [extensionRequest(extension(OID.basicConstraints, sequence(boolean(true)), true))] }),
    ],
    ['key_weak', 422, () => csr({ key: generateKeyPairSync('rsa', { modulusLength: 1024 }) })],
    ['name_conflict', 422, () => named('www.autre-nom.fr')],
    [
      'name_not_allowed',
      422,
      () => ({ ...csr({ key: newKeyPair(), subject: subject() }), ...named('intranet.local') }),
    ],
    ['profile_unknown', 422, () => ({ profile: 'no-such-profile' })],
    ['profile_not_orderable', 422, () => ({ profile: 'cps-auth' })],
    ['profile_not_orderable', 422, () => ({ profile: 'cpe-auth' })],
    ['profile_not_orderable', 422, () => ({ profile: 'ocsp-responder' })],
    ['not_allowed', 403, () => ({ holder: { structure: AGENCY.structIdNat } })],
    ['body_malformed', 400, () => ({ holder: { structure: 'not a number' } })],
  ] as const)('%s (%i)', async (code, status, parts) => {
    const calls = tokenCalls();
    const cost = await costOf(async () => {
      const answer = await api.order(newOrder(parts()));
      expect([answer.statusCode, codeOf(answer)], answer.body.toString()).toEqual([status, code]);
      expectInContract('orderCertificate', answer);
    });
    expect(cost).toEqual({ rows: 0, signatures: 0 });
    expect(tokenCalls()).toEqual(calls);
  });
});
