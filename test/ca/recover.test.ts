// What a process leaves behind that stops between its two transactions, and what becomes of it: burnt, on the CRL, revoked to
// OCSP, and no obstacle to the next try.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateStatus, findCertificate } from '#db/certificates.ts';
import type { Database } from '#db/connect.ts';
import { openDatabase } from '#db/connect.ts';
import type { Actor } from '../../src/actor.ts';
import { type IssueCommand, issueCertificate } from '../../src/ca/issue.ts';
import { recoverCertificates } from '../../src/ca/recover.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { Outage } from '../../src/errors.ts';
import { orderCertificate } from '../../src/ra/order-certificate.ts';
import type { System } from '../../src/system.ts';
import { findCrlEntry, parseCrl } from '../../src/x509/crl.ts';
import { DURAND, HOSPITAL, makeAdministrator, recordStructures, serverCsr } from '../helpers/cast.ts';
import { prepareService, type Service, until, untilReady } from '../helpers/service.ts';

/** What recovery takes for the deadline of a signature: it touches rows twice as old; an Idempotency-Key runs out after four times as long. */
const DEADLINE_MS = 300;

let service: Service;
let system: System;
let administrator: Extract<Actor, { kind: 'administrator' }>;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  const opened = await service.open('api');
  system = { ...opened, config: { ...opened.config, SIGNING_DEADLINE_MS: DEADLINE_MS } };
  await untilReady(system.issuing);
  await recordStructures(system);
  administrator = await makeAdministrator(system, DURAND, [HOSPITAL]);
}, 60_000);

afterAll(() => service?.stop());

const order = (): IssueCommand => ({
  profile: 'serv-ssl',
  holder: { kind: 'structure', ...HOSPITAL },
  key: { csr: serverCsr('www.hopital-generique.fr') },
  actor: administrator,
});

const states = async (): Promise<string[]> =>
  (await system.db.read.execute<{ state: string }>('select state from certificate order by created_at')).rows.map(
    ({ state }) => state,
  );
const newest = async () => {
  const { rows } = await system.db.read.execute<{ id: string }>(
    'select id from certificate order by created_at desc limit 1',
  );
  return findCertificate(system.db.read, rows[0]?.id ?? '');
};

/** A token that never answers, as a process that is gone never hears of it. */
const gone = (): System => ({ ...system, issuing: { ...system.issuing, sign: () => new Promise(() => undefined) } });

/** A process that stops while the token signs; resolves once its row is there. */
async function stopWhileSigning(act: (system: System) => Promise<unknown>): Promise<void> {
  const before = (await states()).length;
  void act(gone());
  await until(async () => (await states()).length === before + 1);
}

const untilStale = (): Promise<void> => until(async () => (await recoverCertificates(system)) > 0);

describe('a row that its process left in signing', () => {
  it('is burnt once it is older than twice the deadline, and not before', async () => {
    await stopWhileSigning((stopped) => issueCertificate(stopped, order()));
    expect(await recoverCertificates(system)).toBe(0);
    await untilStale();
    const row = await newest();
    expect(row).toMatchObject({ state: 'burnt', revocation: { reason: 'unspecified' } });
    expect(await recoverCertificates(system)).toBe(0);
    const status = await certificateStatus(system.db.read, row?.issuer ?? '', row?.serial ?? new Uint8Array());
    expect(status).toMatchObject({ state: 'burnt', revokedAt: expect.any(Date) });
    const { rows } = await system.db.read.execute(
      `select kind from audit_event where subject_id = '${row?.id}' order by id`,
    );
    expect(rows).toEqual([{ kind: 'certificate_intent' }, { kind: 'certificate_burnt' }]);
    const worker = await service.open('worker');
    const crl = await publishCrl(worker, row?.issuer ?? '', worker.issuing);
    expect(findCrlEntry(parseCrl(crl?.der ?? new Uint8Array()), row?.serial ?? new Uint8Array())).toBeDefined();
  });

  it('is burnt by one of two recoveries at once', async () => {
    await stopWhileSigning((stopped) => issueCertificate(stopped, order()));
    const found: number[] = [];
    await until(async () => {
      found.push(...(await Promise.all([recoverCertificates(system), recoverCertificates(system)])));
      return found.some((count) => count > 0);
    });
    expect(found.reduce((sum, count) => sum + count)).toBe(1);
  });

  it('loses its request the race: a signature that comes after recovery is not issued', async () => {
    const slow: System = {
      ...system,
      issuing: {
        ...system.issuing,
        async sign(keyId, signable) {
          await untilStale();
          return system.issuing.sign(keyId, signable);
        },
      },
    };
    await expect(issueCertificate(slow, order())).rejects.toBeInstanceOf(Outage);
    expect((await newest())?.state).toBe('burnt');
  });

  it('does not stand in the way of the next try of the same order: an outage before it is settled, a certificate after', async () => {
    const again = order();
    await stopWhileSigning((stopped) => issueCertificate(stopped, again));
    await expect(issueCertificate(system, again)).rejects.toBeInstanceOf(Outage);
    await untilStale();
    const { id } = await issueCertificate(system, again);
    expect((await newest())?.id).toBe(id);
    expect((await states()).slice(-2)).toEqual(['burnt', 'issued']);
  });

  it('under an Idempotency-Key gives one certificate to the one who repeats the request', async () => {
    const { key, ...rest } = order();
    const command = {
      profile: rest.profile,
      holder: { structure: HOSPITAL.structIdNat },
      csr: 'csr' in key ? key.csr : new Uint8Array(),
      actor: administrator,
      idempotency: { key: 'repeated', bodyDigest: new Uint8Array(32) },
    };
    await stopWhileSigning((stopped) => orderCertificate(stopped, command));
    await expect(orderCertificate(system, command)).rejects.toMatchObject({ code: 'idempotency_key_in_progress' });
    const made: string[] = [];
    await untilStale();
    await until(async () => {
      made.push((await orderCertificate(system, command)).id);
      return true;
    });
    expect((await orderCertificate(system, command)).id).toBe(made[0]);
    expect((await states()).slice(-2)).toEqual(['burnt', 'issued']);
  });
});

describe('a database that is lost after the signature', () => {
  it('after a COMMIT that was done leaves the certificate issued', async () => {
    let transactions = 0;
    const db: Database = {
      ...system.db,
      async transaction(act, options) {
        transactions += 1;
        const result = await system.db.transaction(act, options);
        if (transactions === 1) throw new Outage('database', 'connection lost in COMMIT');
        return result;
      },
    };
    // of the two records only the second is more than one statement, because its caller settles something with it
    const settling = { ...order(), settle: async () => undefined };
    await expect(issueCertificate({ ...system, db }, settling)).rejects.toMatchObject({ what: 'database' });
    expect(await newest()).toMatchObject({ state: 'issued' });
    expect((await newest())?.revocation).toBeUndefined();
  });

  it('and gone for good leaves the row to recovery', async () => {
    const closed = openDatabase(service.database.url, { applicationName: 'igc test', max: 2 });
    const issuing: System['issuing'] = {
      ...system.issuing,
      async sign(keyId, signable) {
        await closed.close();
        return system.issuing.sign(keyId, signable);
      },
    };
    await expect(issueCertificate({ ...system, db: closed, issuing }, order())).rejects.toThrow();
    expect((await newest())?.state).toBe('signing');
    await untilStale();
    expect((await newest())?.state).toBe('burnt');
  });
});
