// Publication of CRLs, on a real database and a real signer whose clock the test moves: numbers, fences, entries and schedule.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latestCrl, listCrls } from '#db/crls.ts';
import { acquireLease } from '#db/leases.ts';
import { issueCertificate } from '../../src/ca/issue.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { publishDueCrls } from '../../src/crl/due.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { recoverCrls } from '../../src/crl/recover.ts';
import { Outage } from '../../src/errors.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { type Crl, findCrlEntry, parseCrl } from '../../src/x509/crl.ts';
import { HOSPITAL, OPERATOR, recordStructures, serverCsr } from '../helpers/cast.ts';
import { prepareService, type Service, until, untilReady } from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 366 * DAY;

let service: Service;
/** as the worker sees the house */
let system: System;
let operator: System;

beforeAll(async () => {
  service = await prepareService();
  service.startTimed('issuing');
  system = await service.open('worker');
  operator = await service.open('operator');
  await untilReady(system.issuing);
  await recordStructures(system);
}, 60_000);

afterAll(() => service?.stop());

const publish = (by: System = system) => publishCrl(by, ISSUER, by.issuing);
const issue = (by: System = operator) =>
  issueCertificate(by, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...HOSPITAL },
    key: { csr: serverCsr('www.hopital-generique.fr') },
    actor: OPERATOR,
  });
const revoke = (id: string) => revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR });

async function revokedSerial(): Promise<Uint8Array> {
  const { id, der } = await issue();
  await revoke(id);
  return parseCertificate(der).serial;
}

async function latest(): Promise<Crl> {
  const row = await latestCrl(system.db.read, ISSUER);
  if (row === undefined) throw new Error('there is no CRL yet');
  return parseCrl(row.der);
}

const numbers = async (): Promise<string[]> =>
  (await listCrls(system.db.read, { issuer: ISSUER, limit: 1_000 })).map(({ number, state }) => `${number} ${state}`);
/** A publisher has the lease: its intent is recorded. */
const firstHolds = (): Promise<void> => until(async () => (await numbers()).some((one) => one.endsWith('signing')));
const names = (crl: Crl, serial: Uint8Array): boolean => findCrlEntry(crl, serial) !== undefined;

/** A signer that does something before it signs. */
const delayed = (before: () => Promise<unknown>): System => ({
  ...system,
  issuing: {
    ...system.issuing,
    async sign(keyId, signable) {
      await before();
      return system.issuing.sign(keyId, signable);
    },
  },
});

describe('a publication', () => {
  it('takes the next number, says six days, and lists what is revoked', async () => {
    const first = await publish();
    const serial = await revokedSerial();
    const second = await publish();
    const crl = await latest();
    expect((second?.number ?? 0n) - (first?.number ?? 0n)).toBe(1n);
    expect(crl.number).toBe(second?.number);
    expect(names(crl, serial)).toBe(true);
    expect((crl.nextUpdate?.getTime() ?? 0) - crl.thisUpdate.getTime()).toBe(6 * DAY);
    const events = await system.db.read.execute(
      `select kind from audit_event where subject_id = '${ISSUER}/${second?.number}' order by id`,
    );
    expect(events.rows).toEqual([{ kind: 'crl_intent' }, { kind: 'crl_published' }]);
  });

  it('of two at once happens once', async () => {
    const before = await numbers();
    const twin = await service.open('worker');
    // Whoever is first waits at the token until all others were turned away.
    const others: Promise<unknown>[] = [];
    const first = publish(delayed(() => Promise.all(others)));
    others.push(...[twin, system, twin].map((by) => firstHolds().then(() => publish(by))));
    expect(await Promise.all(others)).toEqual([undefined, undefined, undefined]);
    expect(await first).toBeDefined();
    expect(await numbers()).toHaveLength(before.length + 1);
  });

  it('whose publisher lost its lease while it signed reaches nobody, and its number is never used again', async () => {
    const impatient = { ...system.config, SIGNING_DEADLINE_MS: 50 };
    const twin = await service.open('worker');
    let overtaken: Awaited<ReturnType<typeof publish>>;
    const sleeper = delayed(async () => {
      while (overtaken === undefined) overtaken = await publish(twin);
    });
    await expect(publish({ ...sleeper, config: impatient })).rejects.toBeInstanceOf(Outage);
    expect((await latest()).number).toBe(overtaken?.number);
    const lost = (overtaken?.number ?? 0n) - 1n;
    expect(await numbers()).toContain(`${lost} signing`);
    while ((await recoverCrls({ ...system, config: impatient })) === 0);
    expect(await numbers()).toContain(`${lost} burnt`);
    expect((await publish())?.number).toBe((overtaken?.number ?? 0n) + 1n);
  });

  it('that the token failed burns its number, and the next one lists everything', async () => {
    const serial = await revokedSerial();
    const before = (await latest()).number ?? 0n;
    const fails = delayed(() => Promise.reject(new Outage('hsm', 'away', { signature: 'unknown' })));
    await expect(publish(fails)).rejects.toBeInstanceOf(Outage);
    expect((await latest()).number).toBe(before);
    expect((await publish())?.number).toBe(before + 2n);
    expect(names(await latest(), serial)).toBe(true);
    const events = await system.db.read.execute(
      `select kind from audit_event where subject_id = '${ISSUER}/${before + 1n}' order by id`,
    );
    expect(events.rows).toEqual([{ kind: 'crl_intent' }, { kind: 'crl_burnt' }]);
  });

  it('is refused while the clock is behind the last list', async () => {
    await publish();
    const { number, thisUpdate } = await latest();
    service.clock.advance(-HOUR);
    await expect(publish()).rejects.toBeInstanceOf(Outage);
    service.clock.moveTo(new Date());
    expect((await latest()).number).toBe(number);
    await publish();
    expect((await latest()).thisUpdate.getTime()).toBeGreaterThanOrEqual(thisUpdate.getTime());
  });

  it('is refused when an entry of the last list would be lost, before a number is taken or the token asked', async () => {
    const serial = await revokedSerial();
    await publish();
    const before = await numbers();
    const hex = Buffer.from(serial).toString('hex');
    const hide = (now: string, then: string) => `alter table revocation disable trigger user;
      update revocation set issuer = '${then}' where issuer = '${now}' and serial = decode('${hex}', 'hex');
      alter table revocation enable trigger user`;
    await system.db.read.execute(hide(ISSUER, 'nobody'));
    const untouched = delayed(() => Promise.reject(new Error('the token was asked')));
    await expect(publish(untouched)).rejects.toThrow('would lose 1 entries');
    expect(await numbers()).toEqual(before);
    await system.db.read.execute(hide('nobody', ISSUER));
    await publish();
    expect(names(await latest(), serial)).toBe(true);
  });

  it('waits for whoever has the lease', async () => {
    const before = await numbers();
    const epoch = await acquireLease(system.db.read, `crl:${ISSUER}`, 'somebody else', 200);
    expect(epoch).toBeDefined();
    expect(await publish()).toBeUndefined();
    expect(await numbers()).toEqual(before);
    while ((await publish()) === undefined);
  });
});

// Time only goes forward from here on, as it does for the lists.
describe('the regular series', () => {
  const due = () => publishDueCrls(system, system.issuing);
  const INTERMEDIATES = 6;

  it('makes a list a day for each intermediate, over the days of both changes of the hour', async () => {
    for (const start of ['2027-03-26T22:30:00Z', '2027-10-29T22:30:00Z']) {
      service.clock.moveTo(new Date(start));
      await due();
      const found: string[] = [];
      for (let hours = 4; hours <= 76; hours += 4) {
        service.clock.moveTo(new Date(Date.parse(start) + hours * HOUR + 5_000));
        const published = await due();
        if (published.length > 0) found.push(`${published.length} after ${hours} hours`);
      }
      expect(found).toEqual([24, 48, 72].map((hours) => `${INTERMEDIATES} after ${hours} hours`));
    }
  });

  it('is not put off by lists that revocations ask for', async () => {
    service.clock.moveTo(new Date('2028-01-10T08:00:00Z'));
    await due();
    for (const hours of [6, 12, 18, 23]) {
      service.clock.moveTo(new Date(Date.parse('2028-01-10T08:00:00Z') + hours * HOUR));
      await revokedSerial();
      await publish();
    }
    service.clock.moveTo(new Date('2028-01-11T08:00:01Z'));
    expect(await due()).toHaveLength(INTERMEDIATES);
  });

  it('keeps the entry of an expired certificate for one more list of its own, and drops it after that', async () => {
    service.clock.moveTo(new Date('2028-06-01T08:00:00Z'));
    const { id, der } = await issue();
    const { serial, notAfter } = parseCertificate(der);
    await revoke(id);
    await due();
    service.clock.moveTo(new Date(notAfter.getTime() - HOUR));
    await due();
    expect(names(await latest(), serial)).toBe(true);
    // expired; a list that is not of the series does not count
    service.clock.moveTo(new Date(notAfter.getTime() + HOUR));
    await revokedSerial();
    await publish();
    expect(names(await latest(), serial)).toBe(true);
    // the first of the series after the end still has it
    service.clock.moveTo(new Date(notAfter.getTime() + DAY));
    expect(await due()).toContain(ISSUER);
    expect(names(await latest(), serial)).toBe(true);
    service.clock.moveTo(new Date(notAfter.getTime() + 2 * DAY));
    expect(await due()).toContain(ISSUER);
    expect(names(await latest(), serial)).toBe(false);
  });
});

it('a list never says that it is good beyond the end of its authority', async () => {
  const { notAfter } = parseCertificate(system.authorities.get(ISSUER)?.certificate.der ?? new Uint8Array());
  service.clock.moveTo(new Date(notAfter.getTime() - DAY));
  await publish();
  expect((await latest()).nextUpdate).toEqual(notAfter);
  expect(notAfter.getTime()).toBeGreaterThan(Date.now() + 19 * YEAR);
});

it('over all of these the numbers rose without a gap, and thisUpdate never went back', async () => {
  const all = (await listCrls(system.db.read, { issuer: ISSUER, limit: 1_000 })).reverse();
  expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => BigInt(index + 1)));
  const published = all.filter(({ state }) => state === 'published').map(({ thisUpdate }) => thisUpdate.getTime());
  expect(published).toEqual([...published].sort((a, b) => a - b));
});
