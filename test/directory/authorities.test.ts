// The entries of the authorities, asked as a relying party asks: by the URLs that certificates of every profile carry, with ldapsearch.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adoptCrl, latestCrl } from '#db/crls.ts';
import { pendingSummary } from '#db/directory.ts';
import { type Slapd, startSlapd } from '../../scripts/slapd.ts';
import type { Authority } from '../../src/authority.ts';
import { loadConfig } from '../../src/config.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { writeAuthorities } from '../../src/directory/authorities.ts';
import { type DirectoryConnection, openConnection } from '../../src/directory/ldap.ts';
import { putEntry } from '../../src/directory/put-entry.ts';
import { type LdapSettings, ldapSettings } from '../../src/directory/settings.ts';
import { authorityEntry, formatDn } from '../../src/directory/tree.ts';
import { Outage } from '../../src/errors.ts';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { buildTbsCertList, parseCrl } from '../../src/x509/crl.ts';
import { readDistributionPoints } from '../../src/x509/extension-values.ts';
import { cRLNumber } from '../../src/x509/extensions.ts';
import { OID } from '../../src/x509/oids.ts';
import { fetchPublic } from '../helpers/api-client.ts';
import { type DirectoryStage, prepareDirectory } from '../helpers/directory.ts';
import { freePort, until, untilReady } from '../helpers/service.ts';

/** of lists that nobody signed */
const NUMBER = 1_000n;
const INTERMEDIATE = 'ACI-EL-ORG-TEST';
let stage: DirectoryStage;
beforeAll(async () => {
  stage = await prepareDirectory();
  // the roots' lists are made in the ceremony, which is safe to repeat
  await stage.service.igc('hierarchy', 'create');
  for (const { id, kind } of stage.system.authorities.values())
    if (kind === 'intermediate') await publishCrl(stage.system, id, stage.system.issuing);
  await writeAuthorities(stage.system, stage.connection(), 'test');
}, 180_000);
afterAll(() => stage?.stop());

/** What an LDAP URL leads to (RFC 4516): the value of its one attribute. */
async function follow(url: string): Promise<Buffer[]> {
  const { pathname, search } = new URL(url);
  const [attribute = '', scope = '', filter = ''] = search.slice(1).split('?');
  const args = ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', stage.slapd.url, '-b', decodeURIComponent(pathname.slice(1))];
  const { stdout } = await promisify(execFile)(
    'ldapsearch',
    [...args, '-s', scope, decodeURIComponent(filter), attribute],
    {
      maxBuffer: 1 << 28,
    },
  );
  return [...stdout.matchAll(/^[a-z;]+:: (.*)$/gim)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
}

const dumps = (): string[] =>
  [...stage.system.policies.profiles.keys()].map((name) =>
    readFileSync(join(import.meta.dirname, `../../policies/dumps/${name}.txt`), 'utf8'),
  );
const urlsIn = (text: string, form: RegExp): string[] => [...new Set(text.match(form) ?? [])];
const LISTS = /ldap:\S+\?certificaterevocationlist;binary\S+/g;
const FILES = /http:\S+\.(?:crl|cer)\b/g;

describe('the URLs in certificates', () => {
  it('of every profile lead to the list of its issuer in the directory', async () => {
    const lists = await Promise.all(
      [...stage.system.authorities.keys()].map((id) => latestCrl(stage.system.db.read, id)),
    );
    const known = lists.map((list) => Buffer.from(list?.der ?? []).toString('base64'));
    const urls = urlsIn(dumps().join('\n'), LISTS);
    expect(urls).toHaveLength(4);
    for (const url of urls) {
      const [list = Buffer.alloc(0), ...more] = await follow(url);
      expect(more).toEqual([]);
      expect(known).toContain(list.toString('base64'));
      const issuer = decodeURIComponent(/cn=([^,]+)/.exec(url)?.[1] ?? '');
      expect(
        parseCrl(list)
          .issuerName.flat()
          .map(({ value }) => value),
      ).toContain(issuer);
    }
  });

  it('of every intermediate lead to the list of its root in the directory', async () => {
    for (const { id, kind, issuer, certificate } of stage.system.authorities.values()) {
      if (kind === 'root') continue;
      const points = certificate.extensions.find(({ oid }) => oid === OID.cRLDistributionPoints);
      const url = readDistributionPoints(points?.value ?? new Uint8Array()).find((one) => one.startsWith('ldap:'));
      const list = await latestCrl(stage.system.db.read, issuer);
      expect(await follow(url ?? id)).toEqual([Buffer.from(list?.der ?? [])]);
    }
  });

  it('of every profile lead to lists and issuers over HTTP', async () => {
    stage.service.start('signer ocsp');
    stage.service.start('public');
    await untilReady(stage.system.ocsp);
    const urls = urlsIn(dumps().join('\n'), FILES);
    expect(urls).toHaveLength(8);
    for (const url of urls) await until(async () => (await fetchPublic(stage.service, url)).statusCode === 200);
  }, 60_000);

  it('lead to certificates of authorities too, and a root’s list is also one of authorities', async () => {
    const { hierarchy } = stage.system.policies;
    for (const { id, kind, certificate } of stage.system.authorities.values()) {
      const { dn } = authorityEntry(hierarchy, id, { certificate: certificate.der, list: undefined });
      const entry = await stage.connection().read(formatDn(dn), ['*']);
      expect(entry?.attributes.get('cacertificate;binary')).toEqual([Buffer.from(certificate.der)]);
      expect(entry?.attributes.get('authorityrevocationlist;binary')?.length).toBe(kind === 'root' ? 1 : undefined);
    }
  });
});

describe('a list', () => {
  const listInDirectory = async (): Promise<bigint | undefined> => {
    const [url = ''] = urlsIn(dumps().join('\n'), LISTS).filter((one) => one.includes('ELEMENTAIRE%20ORGANISATIONS'));
    const [list, ...more] = await follow(url);
    expect(more).toEqual([]);
    return list && parseCrl(list).number;
  };

  it('is replaced by the next one, and nothing is written while there is none', async () => {
    const connection = stage.connection();
    expect(await writeAuthorities(stage.system, connection, 'test')).toBe(0);
    const crl = await publishCrl(stage.system, INTERMEDIATE, stage.system.issuing);
    expect(await writeAuthorities(stage.system, connection, 'test')).toBe(1);
    expect(await listInDirectory()).toBe(crl?.number);
  });

  it('waits while the directory is down, and is written by itself when it is back', async () => {
    const connection = stage.connection();
    await stage.slapd.halt();
    const crl = await publishCrl(stage.system, INTERMEDIATE, stage.system.issuing);
    await expect(writeAuthorities(stage.system, connection, 'test')).rejects.toBeInstanceOf(Outage);
    await stage.slapd.resume();
    await until(async () => (await writeAuthorities(stage.system, connection, 'test')) === 1);
    expect(await listInDirectory()).toBe(crl?.number);
    expect((await pendingSummary(stage.system.db.read)).entries).toBe(0);
  });

  describe('of a worker that lost its turn', () => {
    const db = () => stage.system.db.read;
    const LEASE = 'directory_lists';
    /** Another worker takes the turn, writes what there is, and gives the turn back. */
    const anotherWrites = async (): Promise<void> => {
      await db().execute(`update lease set expires_at = now() where name = '${LEASE}'`);
      await writeAuthorities(stage.system, stage.connection(), 'another');
    };
    const untilWritten = () =>
      until(async () => (await writeAuthorities(stage.system, stage.connection(), 'test')) === 1);

    it('is written once more by the next, because it may stand where a newer one stood', async () => {
      await publishCrl(stage.system, INTERMEDIATE, stage.system.issuing);
      const real = stage.connection();
      const slow: DirectoryConnection = {
        ...real,
        replace: async (dn, attributes) => {
          await publishCrl(stage.system, INTERMEDIATE, stage.system.issuing);
          await anotherWrites();
          return await real.replace(dn, attributes);
        },
      };
      await expect(writeAuthorities(stage.system, slow, 'slow')).rejects.toBeInstanceOf(Outage);
      const newest = (await latestCrl(db(), INTERMEDIATE))?.number ?? 0n;
      expect(await listInDirectory()).toBe(newest - 1n);
      await untilWritten();
      expect(await listInDirectory()).toBe(newest);
    });

    it('is not written in a second operation', async () => {
      await publishCrl(stage.system, INTERMEDIATE, stage.system.issuing);
      const real = stage.connection();
      let added = 0;
      const slow: DirectoryConnection = {
        ...real,
        replace: async () => {
          await anotherWrites();
          return false;
        },
        add: async () => {
          added += 1;
          return 'added';
        },
      };
      await expect(writeAuthorities(stage.system, slow, 'slow')).rejects.toBeInstanceOf(Outage);
      expect(added).toBe(0);
      await untilWritten();
    });
  });

  it('that is too long for a server, which then ends the connection, holds no other list', async () => {
    const small = await startSlapd({ port: await freePort(), largestRequest: 100_000 });
    const [first, second] = [authorityOf('ACI-EL-ORG-TEST'), authorityOf('ACI-EL-PP-TEST')];
    const { number = 0n } = (await latestCrl(stage.system.db.read, first.id)) ?? {};
    const period = { thisUpdate: new Date(), nextUpdate: new Date(Date.now() + 86_400_000) };
    const list = { issuer: first.id, number: number + 1n, ...period, entries: 10_000, der: longList(first, 10_000) };
    await adoptCrl(stage.system.db.read, list);
    await publishCrl(stage.system, second.id, stage.system.issuing);
    const connection = openConnection(settingsOf(small), 10_000);
    await expect(writeAuthorities(stage.system, connection, 'test')).rejects.toBeInstanceOf(Outage);
    expect(await pendingSummary(stage.system.db.read)).toEqual({
      entries: 0,
      reasons: [],
      awaySince: expect.any(Date),
    });
    const dn = formatDn(authorityEntry(stage.system.policies.hierarchy, second.id, stateOf(second)).dn);
    expect(await connection.read(dn, ['cn'])).toBeDefined();
    await connection.close();
    await small.stop();
    await until(async () => (await writeAuthorities(stage.system, stage.connection(), 'test')) === 1);
    expect(await listInDirectory()).toBe(NUMBER);
  }, 60_000);

  it('of a million entries and 35 MB fits', async () => {
    const root = authorityOf('ACR-FO-TEST');
    const list = longList(root, 1_000_000);
    expect(list.length).toBeGreaterThan(35_000_000);
    const connection = openConnection(settingsOf(stage.slapd), 50_000);
    const entry = authorityEntry(stage.system.policies.hierarchy, root.id, { ...stateOf(root), list });
    await putEntry(connection, entry, true);
    const read = await connection.read(formatDn(entry.dn), ['certificateRevocationList;binary']);
    const [found = Buffer.alloc(0)] = read?.attributes.get('certificaterevocationlist;binary') ?? [];
    expect(Buffer.compare(found, list)).toBe(0);
    await connection.close();
  }, 120_000);
});

function authorityOf(id: string): Authority {
  const authority = stage.system.authorities.get(id);
  if (authority === undefined) throw new Error(`${id} is of the hierarchy`);
  return authority;
}

const stateOf = ({ certificate }: Authority) => ({ certificate: certificate.der, list: undefined });

function settingsOf({ url, bindDn, passwordFile }: Slapd): LdapSettings {
  const settings = ldapSettings(loadConfig({ LDAP_URL: url, LDAP_BIND_DN: bindDn, LDAP_PASSWORD_FILE: passwordFile }));
  if (settings === undefined) throw new Error('LDAP_URL is set');
  return settings;
}

/** A list in its right form, signed by nobody. */
function longList({ certificate, algorithm }: Authority, count: number): Uint8Array {
  const identifier = signatureAlgorithmIdentifier(algorithm);
  const revokedAt = new Date('2026-11-01T00:00:00Z');
  const entries = Array.from({ length: count }, (_, at) => {
    const serial = Buffer.alloc(16, 0x11);
    serial.writeUInt32BE(at, 12);
    return { serial, revokedAt };
  });
  const tbs = buildTbsCertList({
    ...{ signatureAlgorithm: identifier, issuer: certificate.subject, entries },
    ...{ thisUpdate: revokedAt, nextUpdate: new Date('2026-12-01T00:00:00Z'), extensions: [cRLNumber(NUMBER)] },
  });
  return assembleSigned(tbs, identifier, new Uint8Array(512).fill(1));
}
