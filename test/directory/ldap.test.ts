// The door to LDAP against a real OpenLDAP: what each end of an operation is called, and that none waits for ever.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Slapd, startSlapd } from '../../scripts/slapd.ts';
import { loadConfig } from '../../src/config.ts';
import { EntryFault, openConnection } from '../../src/directory/ldap.ts';
import { ldapSettings } from '../../src/directory/settings.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { startProxy } from '../helpers/proxy.ts';
import { freePort } from '../helpers/service.ts';
import { askOpenssl } from '../helpers/slapd.ts';

const TIMEOUT_MS = 1_500;
let slapd: Slapd;
let tlsPort: number;
let authority: string;
beforeAll(async () => {
  const place = askOpenssl();
  authority = place.authority;
  tlsPort = await freePort();
  slapd = await startSlapd({ port: await freePort(), tls: { ...place, port: tlsPort } });
  const connection = openTo(slapd.url);
  await connection.add('c=FR', { objectClass: ['country'], c: ['FR'] });
  await connection.close();
});
afterAll(() => slapd?.stop());

const settingsFor = (url: string, more: Record<string, string> = {}) => {
  const settings = ldapSettings(
    loadConfig({ LDAP_URL: url, LDAP_BIND_DN: slapd.bindDn, LDAP_PASSWORD_FILE: slapd.passwordFile, ...more }),
  );
  if (settings === undefined) throw new Error('LDAP_URL is set');
  return settings;
};
const openTo = (url: string, more: Record<string, string> = {}) => openConnection(settingsFor(url, more), TIMEOUT_MS);
const file = (name: string, text: string): string => {
  const path = join(slapd.directory, name);
  writeFileSync(path, text);
  return path;
};
const unit = (ou: string) => ({ objectClass: ['organizationalUnit'], ou: [ou] });

describe('a connection', () => {
  it('adds, replaces, reads and removes, and tells what was not there', async () => {
    const connection = openTo(slapd.url);
    expect(await connection.add('ou=a,c=FR', unit('a'))).toBe('added');
    expect(await connection.add('ou=a,c=FR', unit('a'))).toBe('exists');
    expect(await connection.add('ou=b,ou=none,c=FR', unit('b'))).toBe('orphan');
    expect(await connection.replace('ou=a,c=FR', { description: ['one', 'two'] })).toBe(true);
    expect((await connection.read('ou=a,c=FR', ['description']))?.attributes.get('description')).toEqual(
      ['one', 'two'].map((text) => Buffer.from(text)),
    );
    expect(await connection.replace('ou=none,c=FR', { description: [] })).toBe(false);
    expect(await connection.remove('ou=a,c=FR')).toBe(true);
    expect(await connection.remove('ou=a,c=FR')).toBe(false);
    expect(await connection.read('ou=a,c=FR', ['description'])).toBeUndefined();
    await connection.close();
  });

  it('says that one entry is at fault where the schema does not allow it, and goes on', async () => {
    const connection = openTo(slapd.url);
    await expect(connection.add('ou=c,c=FR', { ...unit('c'), mail: ['a@b.fr'] })).rejects.toBeInstanceOf(EntryFault);
    expect(await connection.add('ou=c,c=FR', unit('c'))).toBe('added');
    await connection.close();
  });

  it('pages through more entries than a page has', async () => {
    const connection = openTo(slapd.url);
    await connection.add('ou=many,c=FR', unit('many'));
    for (let at = 0; at < 520; at += 1) await connection.add(`ou=${at},ou=many,c=FR`, unit(String(at)));
    let found = 0;
    for await (const page of connection.pages('ou=many,c=FR', ['ou'])) found += page.length;
    expect(found).toBe(521);
    for await (const page of connection.pages('ou=nowhere,c=FR', ['ou'])) expect(page).toEqual([]);
    await connection.close();
  });

  it.each(['ldapi', 'ldaps', 'starttls'] as const)('is made over %s', async (kind) => {
    const ca = file('ca.pem', authority);
    const connection = {
      ldapi: () => openTo(slapd.socketUrl),
      ldaps: () => openTo(`ldaps://127.0.0.1:${tlsPort}`, { LDAP_CA_FILE: ca }),
      starttls: () => openTo(slapd.url, { LDAP_STARTTLS: 'true', LDAP_CA_FILE: ca }),
    }[kind]();
    expect((await connection.read('c=FR', ['c']))?.attributes.get('c')).toEqual([Buffer.from('FR')]);
    await connection.close();
  });

  it.each(['ldaps', 'starttls'] as const)('is not made over %s to a server that nobody vouches for', async (kind) => {
    const url = kind === 'ldaps' ? `ldaps://127.0.0.1:${tlsPort}` : slapd.url;
    const connection = openTo(url, kind === 'starttls' ? { LDAP_STARTTLS: 'true' } : {});
    await expect(connection.read('c=FR', ['c'])).rejects.toBeInstanceOf(Outage);
    await connection.close();
  });
});

describe('the whole directory is away', () => {
  it('with a wrong password, until the file has the right one', async () => {
    const password = file('other', 'wrong');
    const connection = openTo(slapd.url, { LDAP_PASSWORD_FILE: password });
    await expect(connection.read('c=FR', ['c'])).rejects.toBeInstanceOf(Outage);
    writeFileSync(password, settingsFor(slapd.url).password());
    expect(await connection.read('c=FR', ['c'])).toBeDefined();
    await connection.close();
  });

  it('where nobody listens', async () => {
    const connection = openTo(`ldap://127.0.0.1:${await freePort()}`);
    await expect(connection.remove('c=FR')).rejects.toBeInstanceOf(Outage);
  });

  it('where a server takes what we say and never answers, at the deadline', async () => {
    const proxy = await startProxy(Number(new URL(slapd.url).port));
    const connection = openTo(`ldap://127.0.0.1:${proxy.port}`);
    expect(await connection.read('c=FR', ['c'])).toBeDefined();
    proxy.hang();
    await expect(connection.read('c=FR', ['c'])).rejects.toBeInstanceOf(Outage);
    await expect(connection.read('c=FR', ['c'])).rejects.toBeInstanceOf(Outage);
    proxy.flow();
    expect(await connection.read('c=FR', ['c'])).toBeDefined();
    await connection.close();
    await proxy.stop();
  });

  it('while it restarts, and is bound again afterwards', async () => {
    const connection = openTo(slapd.url);
    await connection.add('ou=d,c=FR', unit('d'));
    await slapd.halt();
    await expect(connection.remove('ou=d,c=FR')).rejects.toBeInstanceOf(Outage);
    await slapd.resume();
    expect(await connection.remove('ou=d,c=FR')).toBe(true);
    await connection.close();
  });
});

describe('settings are refused', () => {
  it.each([
    ['a password in clear to another machine', { LDAP_URL: 'ldap://directory.example.fr' }],
    ['nobody’s name', { LDAP_BIND_DN: '' }],
    ['no password file', { LDAP_PASSWORD_FILE: '' }],
  ])('with %s', (_, more) => {
    expect(() => settingsFor(slapd.url, more)).toThrow(Refusal);
  });

  it('with an empty password, which would bind as nobody', () => {
    const settings = settingsFor(slapd.url, { LDAP_PASSWORD_FILE: file('empty', '\n') });
    expect(() => settings.password()).toThrow(Refusal);
  });

  it('and are none at all without LDAP_URL', () => {
    expect(ldapSettings(loadConfig({}))).toBeUndefined();
  });
});
