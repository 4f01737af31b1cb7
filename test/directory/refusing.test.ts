// A directory that answers every question and takes no write is away, whatever it says of each entry; one that has something against one
// entry is not. Real refusals of OpenLDAP: no right to write, read-only, full, and entries that are too long for it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { pendingSummary, readDirectoryProgress } from '#db/directory.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { writeAuthorities } from '../../src/directory/authorities.ts';
import { directoryLag, watchDirectory } from '../../src/directory/lag.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import type { DirectoryFollower } from '../../src/directory/publish.ts';
import { Outage } from '../../src/errors.ts';
import { HOSPITAL, issueTo } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, followedToTheEnd, prepareDirectory } from '../helpers/directory.ts';
import { until } from '../helpers/service.ts';

const MINUTE = 60_000;
const LIST = 'ACI-EL-ORG-TEST';

let stage: DirectoryStage;
let reader: DirectoryConnection;
let follower: DirectoryFollower;
let file: string;
let good: string;
beforeAll(async () => {
  stage = await prepareDirectory();
  reader = stage.connection();
  follower = stage.follower('first');
  file = join(stage.slapd.directory, 'slapd.conf');
  good = readFileSync(file, 'utf8');
  await issue(newName());
  await follower.follow();
  // so that it can write by a right that it may lose, and not only as the owner of everything
  await reader.add(stage.slapd.bindDn, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn: ['publisher'],
    userPassword: [readFileSync(stage.slapd.passwordFile, 'utf8')],
  });
  await publishCrl(stage.system, LIST, stage.system.issuing);
  await writeAuthorities(stage.system, reader, 'test');
}, 120_000);
afterAll(() => stage?.stop());
afterEach(async () => {
  await configure((text) => text);
  await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
  await follower.follow();
});

/** The server runs with another configuration from now on. */
async function configure(change: (text: string) => string): Promise<void> {
  await stage.slapd.halt();
  writeFileSync(file, change(good));
  await stage.slapd.resume();
}
const setting =
  (line: string) =>
  (text: string): string =>
    text.replace('database mdb\n', `database mdb\n${line}\n`);
const access =
  (...rules: string[]) =>
  (text: string): string =>
    text
      .replace(/^rootdn .*$/m, 'rootdn "cn=nobody,c=FR"')
      .replace(/^rootpw .*\n/m, '')
      .replace('access to *', ['access to attrs=userPassword by anonymous auth', ...rules, 'access to *'].join('\n'));

let names = 0;
const newName = (): string => {
  names += 1;
  return `service ${names}`;
};
const issue = (commonName: string) =>
  issueTo(stage.operator, {
    profile: 'org-auth-cli',
    holder: { kind: 'structure', ...HOSPITAL },
    names: { commonName },
  });
const dnOf = (name: string): string => `cn=${name},ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`;
const isThere = async (name: string): Promise<boolean> => (await reader.read(dnOf(name), ['cn'])) !== undefined;
const pending = () => pendingSummary(stage.system.db.read);
/** Subjects of alarms about a late directory, as somebody sees them who looks so many minutes later. */
async function alarmsAfter(minutes: number): Promise<string[]> {
  const clock = () => new Date(Date.now() + minutes * MINUTE);
  await watchDirectory({ ...stage.system, clock }, new Date(0));
  return (await listAlarms(stage.system.db.read, { kind: 'directory_behind' })).map(({ subject }) => subject);
}

const REFUSING: readonly (readonly [why: string, change: (text: string) => string])[] = [
  ['that we may not write to any more (50)', access()],
  ['that is read-only (53)', setting('readonly on')],
  ['that is full (80)', (text) => text.replace(/^maxsize .*$/m, 'maxsize 16384')],
  ['that takes no entry as long as ours (11)', setting('maxentrysize 1000')],
];

describe.each(REFUSING)('a directory %s', (_, change) => {
  it('is away: nothing is noted against an entry, what waits is seen, and an alarm tells it after ten minutes', async () => {
    await followedToTheEnd(stage, follower);
    await configure(change);
    const before = await readDirectoryProgress(stage.system.db.read);
    const waiting = [newName(), newName(), newName()];
    for (const name of waiting) await issue(name);
    for (const round of [1, 2])
      await expect(follower.follow(), `round ${round}`).rejects.toMatchObject({
        ...{ what: 'directory', message: 'the directory refuses every write' },
      });
    expect(await pending()).toEqual({ entries: 0, reasons: [] });
    expect(await readDirectoryProgress(stage.system.db.read)).toEqual(before);
    expect((await directoryLag(stage.system)).rows).toBe(3);
    expect(await isThere(waiting[0] ?? '')).toBe(false);
    expect([await alarmsAfter(9), await alarmsAfter(11)]).toEqual([[], ['directory']]);
    await configure((text) => text);
    await follower.follow();
    for (const name of waiting) expect(await isThere(name)).toBe(true);
    await followedToTheEnd(stage, follower);
    expect((await directoryLag(stage.system)).refused).toBe(0);
    expect(await alarmsAfter(0)).toEqual([]);
  });
});

describe.each(REFUSING.slice(0, 2))('a list for a directory %s', (_, change) => {
  it('waits for it as for one that is away, and an alarm tells it though no holder waits', async () => {
    await configure(change);
    await publishCrl(stage.system, LIST, stage.system.issuing);
    await expect(writeAuthorities(stage.system, reader, 'test')).rejects.toBeInstanceOf(Outage);
    expect(await pending()).toEqual({ entries: 0, reasons: [], awaySince: expect.any(Date) });
    await follower.follow();
    expect(await alarmsAfter(9)).toEqual([]);
    // the holders have everything at that moment as well
    await stage.system.db.read.execute(`update directory_progress set complete_at = now() + interval '11 minutes'`);
    expect(await alarmsAfter(11)).toEqual(['directory']);
    await configure((text) => text);
    await until(async () => (await writeAuthorities(stage.system, reader, 'test')) === 1);
    expect(await pending()).toEqual({ entries: 0, reasons: [] });
  });
});

describe('one entry that a directory refuses', () => {
  const publisher = () => `by dn.exact="${stage.slapd.bindDn}" write by * read`;

  it('for want of a right holds no other, and is there when the right is', async () => {
    const [bad, fine, later] = [newName(), newName(), newName()];
    const entry = `access to dn.exact="${dnOf(bad)}" by * read`;
    await configure(access(entry, `access to * ${publisher()}`));
    await issue(bad);
    await issue(fine);
    expect(await follower.follow()).toBe(1);
    expect(await isThere(fine)).toBe(true);
    expect(await pending()).toMatchObject({ entries: 1, reasons: ['result_50'] });
    // neither alone nor when it is tried again
    await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
    await issue(later);
    expect(await follower.follow()).toBe(1);
    expect(await isThere(later)).toBe(true);
    await followedToTheEnd(stage, follower);
    await configure(access(`access to * ${publisher()}`));
    await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
    await follower.follow();
    expect(await isThere(bad)).toBe(true);
  });

  it('because it is too long holds no other', async () => {
    const [long, short] = [newName(), newName()];
    await configure(setting('maxentrysize 8000'));
    for (let count = 0; count < 6; count += 1) await issue(long);
    await issue(short);
    expect(await follower.follow()).toBe(1);
    expect(await isThere(short)).toBe(true);
    expect(await pending()).toMatchObject({ entries: 1, reasons: ['result_11'] });
  });

  it('leaves nothing of the question whether it takes others', async () => {
    expect(await reader.read(`cn=write test,${BASE}`, ['cn'])).toBeUndefined();
  });
});
