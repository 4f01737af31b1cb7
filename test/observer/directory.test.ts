// The observer on a real directory that tells the truth, and then on the same one after somebody has tampered with it.

import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { latestCrl } from '#db/crls.ts';
import { publishedLists } from '#db/gauges.ts';
import { loadConfig } from '../../src/config.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { writeAuthorities } from '../../src/directory/authorities.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import { openLook } from '../../src/directory/look.ts';
import { observeDirectory } from '../../src/observer/directory.ts';
import { newObserver, type Observer, observe } from '../../src/observer/observe.ts';
import type { System } from '../../src/system.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { BASE, type DirectoryStage, prepareDirectory } from '../helpers/directory.ts';
import { getPublic } from '../helpers/faults.ts';
import { startProxy } from '../helpers/proxy.ts';
import { until } from '../helpers/service.ts';

const ID = 'ACI-EL-ORG-TEST';
const DN = `CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=TEST AC RACINE IGC-SANTE ELEMENTAIRE,${BASE}`;
const LIST = 'certificateRevocationList;binary';
const MINUTE = 60_000;

let stage: DirectoryStage;
let writer: DirectoryConnection;
let system: System;
let observer: Observer;
/** a list that was true once */
let old: Uint8Array;
let current: Uint8Array;

const lookAt = (url: string, timeoutMs = 2_000) => openLook(loadConfig({ OBSERVER_LDAP_URL: url }), timeoutMs);
const listOf = async (id: string): Promise<Uint8Array> =>
  (await latestCrl(stage.system.db.read, id))?.der ?? new Uint8Array();

beforeAll(async () => {
  stage = await prepareDirectory();
  writer = stage.connection();
  await stage.service.igc('hierarchy', 'create');
  for (const { id, kind } of stage.system.authorities.values())
    if (kind === 'intermediate') await publishCrl(stage.system, id, stage.system.issuing);
  old = await listOf(ID);
  await publishCrl(stage.system, ID, stage.system.issuing);
  current = await listOf(ID);
  await writeAuthorities(stage.system, writer, 'test');
  stage.service.start('signer ocsp');
  stage.service.start('public');
  await until(async () => (await getPublic(stage.service, `/CRL/${ID}.crl`))?.statusCode === 200);
  const config = { ...stage.system.config, OBSERVER_URL: `http://127.0.0.1:${stage.service.publicPort}` };
  system = { ...stage.system, config };
}, 180_000);
afterAll(() => stage?.stop());

beforeEach(() => {
  observer = newObserver('test', lookAt(stage.slapd.url));
});

const alarms = async (): Promise<string[]> =>
  (await listAlarms(system.db.read)).map(({ kind, subject }) => `${kind} ${subject}`).sort();

/** What one look at an entry that somebody has changed raises; and that the look at the truth after it clears it. */
async function raisedBy(attributes: Parameters<DirectoryConnection['replace']>[1]): Promise<string[]> {
  await writer.replace(DN, attributes);
  await observe(system, observer);
  const raised = await alarms();
  await writer.replace(DN, truth());
  await observe(system, observer);
  expect(await alarms()).toEqual([]);
  return raised;
}
const truth = () => ({
  [LIST]: [current],
  'cACertificate;binary': [stage.system.authorities.get(ID)?.certificate.der ?? new Uint8Array()],
});

it('finds nothing wrong with what is there, with HTTP beside it and without', async () => {
  expect(await observe(system, observer)).toBe(0);
  expect(observer.lastLook.wrong).toEqual({ http: 0, ldap: 0 });
  expect(await observe(stage.system, newObserver('test', lookAt(stage.slapd.url)))).toBe(0);
  expect(await alarms()).toEqual([]);
});

describe('an entry', () => {
  it.each<[string, () => Promise<Uint8Array[]>]>([
    ['whose list is of another authority', async () => [await listOf('ACI-FO-PP-TEST')]],
    ['whose list was changed', async () => [Buffer.from(current).fill(1, current.length - 3)]],
    ['without a list', async () => []],
    ['with two lists', async () => [current, old]],
  ])('%s has none that can be believed', async (_, lists) => {
    expect(await raisedBy({ [LIST]: await lists() })).toEqual([`list_unverifiable ldap ${ID}`]);
  });

  it('with an older list than before went back, and is stale a quarter of an hour after the newer was published', async () => {
    await observe(system, observer);
    expect(await raisedBy({ [LIST]: [old] })).toEqual([`list_went_back ldap ${ID}`]);
    const { thisUpdate } = parseCrl(current);
    const at = (minutes: number): System => ({
      ...system,
      clock: () => new Date(thisUpdate.getTime() + minutes * MINUTE),
    });
    const another = newObserver('test', lookAt(stage.slapd.url));
    await writer.replace(DN, { [LIST]: [old] });
    await observe(at(14), another);
    expect(await alarms()).toEqual([]);
    await observe(at(16), another);
    expect(await alarms()).toEqual([`list_stale ldap ${ID}`]);
    await writer.replace(DN, truth());
    await observe(system, another);
    expect(await alarms()).toEqual([]);
  });

  it('with another certificate, or without one, is wrong', async () => {
    const other = stage.system.authorities.get('ACI-FO-PP-TEST')?.certificate.der ?? new Uint8Array();
    for (const certificates of [[other], []])
      expect(await raisedBy({ 'cACertificate;binary': certificates })).toEqual([`authority_file_wrong ldap ${ID}`]);
  });

  it('whose list is another one than that which HTTP shows under its number is not to be believed', async () => {
    const authority = stage.system.authorities.get(ID);
    const [published] = (await publishedLists(system.db.read)).filter(({ issuer }) => issuer === ID);
    if (authority === undefined || observer.directory === undefined) throw new Error('both were made');
    const { number = 0n } = parseCrl(current);
    const found = await observeDirectory(authority, {
      ...{ directory: observer.directory, hierarchy: system.policies.hierarchy, seen: new Map(), subject: 'ldap' },
      ...{ published, shown: { ...parseCrl(old), number }, now: system.clock() },
    });
    expect(found).toMatchObject({ list_unverifiable: expect.stringContaining('HTTP shows another'), list_stale: null });
  });
});

describe('a directory', () => {
  it('that is away is wrong about every authority, and HTTP is not', async () => {
    await stage.slapd.halt();
    await observe(system, observer);
    const raised = await alarms();
    const about = raised.filter((alarm) => / ldap /.test(alarm));
    expect([raised.length, about.length]).toEqual([2 * system.authorities.size, raised.length]);
    expect(observer.lastLook.wrong).toEqual({ http: 0, ldap: raised.length });
    await stage.slapd.resume();
    await observe(system, observer);
    expect(await alarms()).toEqual([]);
  });

  it('that never answers costs a look its deadline, and brings no more than it may', async () => {
    const proxy = await startProxy(Number(new URL(stage.slapd.url).port));
    const look = lookAt(`ldap://127.0.0.1:${proxy.port}`, 300);
    const at = { dn: DN, attribute: LIST };
    expect(await look?.({ ...at, maxBytes: 10_000 })).toEqual({ body: Buffer.from(current) });
    expect(await look?.({ ...at, maxBytes: 100 })).toEqual({ fault: 'more than 100 bytes' });
    proxy.hang();
    expect(await look?.({ ...at, maxBytes: 10_000 })).toMatchObject({ fault: expect.any(String) });
    await proxy.stop();
  });

  it('that floods whoever asks is left', async () => {
    let sent = 0;
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        // an LDAPMessage of 2 GB
        socket.write(Buffer.from('30847fffffff', 'hex'));
        const pour = (): void => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) sent += 65_536;
        };
        socket.on('drain', pour);
        pour();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const look = lookAt(`ldap://127.0.0.1:${port}`, 5_000);
    expect(await look?.({ dn: DN, attribute: LIST, maxBytes: 1_000_000 })).toHaveProperty('fault');
    expect(sent).toBeLessThan(50_000_000);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is asked for a long list once an hour, unless a newer one was published', async () => {
    const asked: string[] = [];
    const look = lookAt(stage.slapd.url);
    const counting = newObserver('test', async (what) => {
      if (what.attribute !== 'cACertificate;binary') asked.push(what.dn);
      return (await look?.(what)) ?? { fault: 'no directory' };
    });
    const lists = counting.directory?.lists;
    const makeLong = (): void => {
      for (const [id, list] of lists ?? []) lists?.set(id, { ...list, bytes: 2_000_000 });
    };
    const hasAsked = async (one: System): Promise<number> => {
      makeLong();
      const before = asked.length;
      await observe(one, counting);
      return asked.length - before;
    };
    const all = system.authorities.size;
    expect([await hasAsked(system), await hasAsked(system)]).toEqual([all, 0]);
    const anHourLater = { ...system, clock: () => new Date(system.clock().getTime() + 61 * MINUTE) };
    expect(await hasAsked(anHourLater)).toBe(all);
    await publishCrl(system, ID, system.issuing);
    await writeAuthorities(system, writer, 'test');
    expect(await hasAsked(system)).toBe(1);
  });
});
