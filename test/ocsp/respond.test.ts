// What the responder says of each serial, and when it says nothing: on a real database, with a real token that signs the answers.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase, type Tx } from '#db/connect.ts';
import { appendFeed } from '#db/feed.ts';
import { issueCertificate } from '../../src/ca/issue.ts';
import { renewOcspResponders } from '../../src/ca/renew-responders.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { Outage } from '../../src/errors.ts';
import { createIssuerIndex } from '../../src/ocsp/issuers.ts';
import { type OcspNeeds, respondOcsp } from '../../src/ocsp/respond.ts';
import { createResponders } from '../../src/ocsp/responders.ts';
import { createStatusIndex, type StatusIndex } from '../../src/ocsp/status.ts';
import type { System } from '../../src/system.ts';
import { verifySignature } from '../../src/x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { type ParsedSingleResponse, parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { HOSPITAL, newKeyPair, OPERATOR, recordStructures, serverCsr } from '../helpers/cast.ts';
import { spkiOf } from '../helpers/csr.ts';
import { prepareService, type Service, untilReady } from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';

let service: Service;
let operator: System;
/** the public role's own parts */
let system: OcspNeeds & System;
let status: StatusIndex;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  service.start('signer ocsp');
  operator = await service.open('operator');
  const worker = await service.open('worker');
  await untilReady(worker.issuing);
  await untilReady(worker.ocsp);
  await recordStructures(operator);
  await renewOcspResponders(worker);
  const opened = await service.open('public');
  status = createStatusIndex(opened.db, 'test');
  await status.poll();
  const [issuers, responders] = [createIssuerIndex(opened.authorities), createResponders(opened.db)];
  system = { ...opened, status, issuers, responders };
}, 60_000);

afterAll(() => service?.stop());

const issue = (by: System = operator) =>
  issueCertificate(by, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...HOSPITAL },
    key: { csr: serverCsr('www.hopital-generique.fr') },
    actor: OPERATOR,
  });
const revoke = (id: string) => revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR });
const serialOf = (der: Uint8Array): Uint8Array => parseCertificate(der).serial;

const certificateOf = (id: string): Certificate => {
  const certificate = operator.authorities.get(id)?.certificate;
  if (certificate === undefined) throw new Error(`there is no ${id}`);
  return certificate;
};
const subjectOf = (id: string): Uint8Array => certificateOf(id).subject;
const spkiOfCa = (id: string): Uint8Array => certificateOf(id).spki;

/** The request for serials of one CA, with SHA-1 as most clients send it. */
function requestFor(serials: readonly Uint8Array[], issuer = ISSUER, hash: 'sha1' | 'sha256' = 'sha1'): Uint8Array {
  const ids = serials.map((serial) => sequence(certIdFor(subjectOf(issuer), spkiOfCa(issuer), serial, hash)));
  return sequence(sequence(sequence(...ids)));
}

/** What a copy of the responder says: the single responses of a signed answer, or the name of an error. */
async function ask(
  serials: readonly Uint8Array[],
  copy: OcspNeeds = system,
): Promise<string | readonly ParsedSingleResponse[]> {
  const answer = parseOcspResponse((await respondOcsp(copy, requestFor(serials))).der);
  return answer.status === 'successful' ? answer.basic.responses : answer.status;
}

async function statusOf(serial: Uint8Array, copy: OcspNeeds = system): Promise<unknown> {
  const answer = await ask([serial], copy);
  return typeof answer === 'string' ? answer : answer[0]?.status;
}

/** Another copy of the public role, which differs in some of its parts. */
const copyWith = (over: Partial<OcspNeeds>): OcspNeeds => ({ ...system, ...over });

describe('a serial', () => {
  it('is good as soon as issuance has answered, before the feed is read', async () => {
    const { der } = await issue();
    expect(status.find(ISSUER, serialOf(der))).toBeUndefined();
    expect(await statusOf(serialOf(der))).toEqual({ good: true });
    await status.poll();
    expect(status.find(ISSUER, serialOf(der))).toEqual({ state: 'good' });
    expect(await statusOf(serialOf(der))).toEqual({ good: true });
  });

  it('is never good while it is being signed, and revoked when it is burnt', async () => {
    const seen: unknown[] = [];
    let serial = new Uint8Array();
    const issuing: System['issuing'] = {
      ...operator.issuing,
      async sign() {
        const { rows } = await operator.db.read.execute<{ serial: Uint8Array }>(
          "select serial from certificate where state = 'signing'",
        );
        serial = Uint8Array.from(rows[0]?.serial ?? []);
        seen.push(await statusOf(serial));
        throw new Outage('hsm', 'no answer', { signature: 'unknown' });
      },
    };
    await expect(issue({ ...operator, issuing })).rejects.toBeInstanceOf(Outage);
    expect(seen).toEqual([{ unknown: true }]);
    expect(await statusOf(serial)).toEqual({ revoked: expect.any(Date) });
    await status.poll();
    expect(await statusOf(serial)).toEqual({ revoked: expect.any(Date) });
  });

  it('whose row was never signed, or that nobody knows, is unknown: signed, without nextUpdate, for no cache', async () => {
    const issuing: System['issuing'] = {
      ...operator.issuing,
      sign: () => Promise.reject(new Outage('hsm', 'away', { signature: 'none' })),
    };
    await expect(issue({ ...operator, issuing })).rejects.toBeInstanceOf(Outage);
    const { rows } = await operator.db.read.execute<{ serial: Uint8Array }>(
      "select serial from certificate where state = 'unsigned'",
    );
    for (const serial of [Uint8Array.from(rows[0]?.serial ?? []), new Uint8Array(16).fill(0x42), Uint8Array.of(1)]) {
      const { der, cache } = await respondOcsp(system, requestFor([serial]));
      const answer = parseOcspResponse(der);
      if (answer.status !== 'successful') throw new Error(answer.status);
      expect(answer.basic.responses[0]?.status).toEqual({ unknown: true });
      expect(answer.basic.responses[0]?.nextUpdate).toBeUndefined();
      expect(cache).toBeUndefined();
    }
  });

  it('is revoked with the date of its revocation once the copy has read the feed', async () => {
    const { id, der } = await issue();
    await status.poll();
    const { revokedAt } = await revoke(id);
    await status.poll();
    expect(await statusOf(serialOf(der))).toEqual({ revoked: revokedAt });
  });

  it('of one authority says nothing of the same serial of another', async () => {
    const { der } = await issue();
    const other = parseOcspResponse((await respondOcsp(system, requestFor([serialOf(der)], 'ACI-EL-PP-TEST'))).der);
    expect(other.status === 'successful' && other.basic.responses[0]?.status).toEqual({ unknown: true });
  });

  it('stands beside others in one answer, each with its own status and in their order', async () => {
    const [good, gone] = [await issue(), await issue()];
    await revoke(gone.id);
    await status.poll();
    const serials = [serialOf(gone.der), new Uint8Array(16).fill(0x43), serialOf(good.der)];
    const answer = await ask(serials);
    if (typeof answer === 'string') throw new Error(answer);
    expect(answer.map((one) => Object.keys(one.status)[0])).toEqual(['revoked', 'unknown', 'good']);
    expect(answer.map(({ certId }) => Buffer.from(certId.serial))).toEqual(
      serials.map((serial) => Buffer.from(serial)),
    );
    expect((await respondOcsp(system, requestFor(serials))).cache).toBeUndefined();
  });
});

describe('an answer', () => {
  it('is signed by a certificate of the issuer that is asked about, whichever hash names it', async () => {
    const { der } = await issue();
    for (const hash of ['sha1', 'sha256'] as const) {
      const answer = parseOcspResponse((await respondOcsp(system, requestFor([serialOf(der)], ISSUER, hash))).der);
      if (answer.status !== 'successful') throw new Error(answer.status);
      const [responder] = answer.basic.certificates.map(parseCertificate);
      expect(Buffer.from(responder?.issuer ?? [])).toEqual(Buffer.from(subjectOf(ISSUER)));
      const { responseData, signature } = answer.basic;
      expect(verifySignature('sha256WithRSAEncryption', responder?.spki ?? der, responseData, signature)).toBe(true);
      expect(answer.basic.responses[0]?.status).toEqual({ good: true });
    }
  });

  it('is unauthorized for a root, for serials of two authorities, and for one that is not ours', async () => {
    const ids = (issuer: string) => sequence(certIdFor(subjectOf(issuer), spkiOfCa(issuer), Uint8Array.of(5)));
    const requests = [
      requestFor([Uint8Array.of(5)], 'ACR-EL-TEST'),
      sequence(sequence(sequence(ids(ISSUER), ids('ACI-EL-PP-TEST')))),
      // our name with another key
      sequence(sequence(sequence(sequence(certIdFor(subjectOf(ISSUER), spkiOf(newKeyPair()), Uint8Array.of(5)))))),
    ];
    for (const request of requests)
      expect(parseOcspResponse((await respondOcsp(system, request)).der).status).toBe('unauthorized');
  });

  it('is malformedRequest for bytes that are no request', async () => {
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(0x30, 0x80),
      requestFor([]),
      requestFor([Uint8Array.of(5)]).slice(1),
    ])
      expect(parseOcspResponse((await respondOcsp(system, bytes)).der).status).toBe('malformedRequest');
  });
});

describe('a copy that cannot know', () => {
  it('answers tryLater when it has not read the feed for too long, even what it would have called good', async () => {
    const { der } = await issue();
    const lagging = createStatusIndex(system.db, 'lagging', () => performance.now() - 6_000);
    await lagging.poll();
    expect(lagging.find(ISSUER, serialOf(der))).toEqual({ state: 'good' });
    expect(await statusOf(serialOf(der), copyWith({ status: lagging }))).toBe('tryLater');
  });

  it('answers tryLater for what the feed has not named while the database is away, and goes on with what it has', async () => {
    const known = await issue();
    await status.poll();
    await system.responders.current(ISSUER, new Date());
    const gone: Database = openDatabase('postgresql://nobody@localhost/none?host=/nonexistent', {
      applicationName: 'test',
    });
    const copy = copyWith({ db: gone });
    expect(await statusOf(serialOf(known.der), copy)).toEqual({ good: true });
    expect(await statusOf(new Uint8Array(16).fill(0x44), copy)).toBe('tryLater');
    await gone.close();
  });

  it('answers tryLater without a responder, and when the token is away', async () => {
    const { der } = await issue();
    const nobody = copyWith({ responders: { current: async () => undefined } });
    expect(await statusOf(serialOf(der), nobody)).toBe('tryLater');
    const away = { ...system.ocsp, sign: () => Promise.reject(new Outage('hsm', 'away', { signature: 'none' })) };
    expect(await statusOf(serialOf(der), copyWith({ ocsp: away }))).toBe('tryLater');
    const wrong = { ...system.ocsp, sign: () => Promise.resolve(new Uint8Array(256)) };
    expect(await statusOf(serialOf(der), copyWith({ ocsp: wrong }))).toBe('tryLater');
  });
});

describe('the status feed', () => {
  it('loses no revocation whose transaction commits after later ones were read', async () => {
    const [early, late] = [await issue(), await issue()];
    await status.poll();
    const [opened, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = operator.db.transaction(async (tx: Tx) => {
      await appendFeed(tx, { issuer: ISSUER, serial: serialOf(early.der), revokedAt: new Date(0) });
      opened.resolve();
      await finish.promise;
    });
    await opened.promise;
    await revoke(late.id);
    await status.poll();
    expect([await statusOf(serialOf(early.der)), await statusOf(serialOf(late.der))]).toEqual([
      { good: true },
      { revoked: expect.any(Date) },
    ]);
    finish.resolve();
    await slow;
    await status.poll();
    expect(await statusOf(serialOf(early.der))).toMatchObject({ revoked: expect.any(Date) });
  });

  it('says the same to a copy that starts later and reads all of it', async () => {
    await status.poll();
    const fresh = createStatusIndex(system.db, 'fresh');
    await fresh.poll();
    const { rows } = await system.db.read.execute<{ serial: Uint8Array }>(
      `select distinct serial from status_feed where issuer = '${ISSUER}'`,
    );
    expect(rows.length).toBeGreaterThan(10);
    for (const { serial } of rows) expect(fresh.find(ISSUER, serial)).toEqual(status.find(ISSUER, serial));
  });

  it('names every copy with the position that it has read', async () => {
    const { rows } = await system.db.read.execute('select copy from feed_reader order by copy');
    expect(rows).toEqual(expect.arrayContaining([{ copy: 'fresh' }, { copy: 'test' }]));
  });
});
