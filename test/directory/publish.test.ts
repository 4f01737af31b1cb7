// The directory follows the database: what is issued appears, what is revoked or has ended goes and nothing else does, and whatever
// happens to LDAP meanwhile, nobody waits for it and nobody has to help.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askForLook, pendingSummary, readDirectoryProgress } from '#db/directory.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { directoryLag } from '../../src/directory/lag.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import { createFollower, type DirectoryFollower } from '../../src/directory/publish.ts';
import { Outage } from '../../src/errors.ts';
import type { Structure } from '../../src/policy/holder.ts';
import { AGENCY, DURAND, HOSPITAL, issueCard, issueTo, MARTIN, newKeyPair, OPERATOR } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, followedToTheEnd, prepareDirectory } from '../helpers/directory.ts';
import { startProxy } from '../helpers/proxy.ts';

const DAY = 86_400_000;
let stage: DirectoryStage;
let reader: DirectoryConnection;
let follower: DirectoryFollower;
beforeAll(async () => {
  stage = await prepareDirectory();
  reader = stage.connection();
  follower = stage.follower('first');
}, 120_000);
afterAll(() => stage?.stop());

let names = 0;
const newName = (): string => {
  names += 1;
  return `service-${names}.hopital-generique.fr`;
};
const server = (commonName: string, structure: Structure = HOSPITAL) =>
  issueTo(stage.operator, {
    profile: 'serv-ssl',
    // RSA-2048 would not live as long as the test's clock goes
    key: newKeyPair('P-256'),
    holder: { kind: 'structure', ...structure },
    names: { commonName, dnsNames: [commonName] },
  });
const service = (commonName: string) =>
  issueTo(stage.operator, {
    profile: 'org-auth-cli',
    holder: { kind: 'structure', ...HOSPITAL },
    names: { commonName },
  });
const revoke = (id: string) => revokeCertificate(stage.operator, { id, reason: 'superseded', actor: OPERATOR });

const dnOf = (cn: string, { structIdNat } = HOSPITAL): string => `cn=${cn},ou=${structIdNat},ou=Structures,${BASE}`;
const ALL = ['*'];
/** The certificates of an entry in order, undefined where there is none. */
async function certificates(dn: string): Promise<Buffer[] | undefined> {
  const entry = await reader.read(dn, ALL);
  return entry && [...(entry.attributes.get('usercertificate;binary') ?? [])].sort(Buffer.compare);
}
const sorted = (...ders: Uint8Array[]): Buffer[] => ders.map((der) => Buffer.from(der)).sort(Buffer.compare);
const textsOf = async (dn: string, name: string): Promise<string[] | undefined> =>
  (await reader.read(dn, ALL))?.attributes.get(name)?.map((value) => value.toString());

describe('a certificate', () => {
  it('is in the entry of its structure’s name once it was issued, byte for byte', async () => {
    const name = newName();
    const { der } = await server(name);
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(der));
    expect(await textsOf(dnOf(name), 'description')).toEqual([HOSPITAL.name]);
    await followedToTheEnd(stage, follower);
  });

  it('goes alone when it is revoked: the others of its name stay, and the entry goes with the last', async () => {
    const name = newName();
    const [first, second] = [await server(name), await server(name)];
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(first.der, second.der));
    await revoke(first.id);
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(second.der));
    await revoke(second.id);
    await follower.follow();
    expect(await certificates(dnOf(name))).toBeUndefined();
  });

  it('is in its own entry, however many were issued since the directory was last followed', async () => {
    const issued = new Map<string, Uint8Array>();
    for (let at = 0; at < 110; at += 1) {
      const name = newName();
      issued.set(name, (await server(name)).der);
    }
    expect(await follower.follow()).toBeGreaterThanOrEqual(issued.size);
    for (const [name, der] of issued) expect(await certificates(dnOf(name))).toEqual(sorted(der));
  }, 60_000);

  it('that was revoked goes before any that is only to be looked at once more', async () => {
    const [name, other] = [newName(), newName()];
    const [lookedAt, revoked] = [await server(name), await server(other)];
    await follower.follow();
    await askForLook(stage.system.db.read, [lookedAt.id]);
    await revoke(revoked.id);
    const asked: string[] = [];
    const watched = new Proxy(stage.connection(), {
      get(connection, method) {
        const act: unknown = Reflect.get(connection, method);
        return typeof act !== 'function'
          ? act
          : (...args: unknown[]) => {
              asked.push(String(args[0]).split(',')[0] ?? '');
              return act.apply(connection, args);
            };
      },
    });
    await createFollower(stage.system, [watched], 'first').follow();
    const [atRevoked, atLook] = [other, name].map((cn) => asked.findIndex((dn) => dn.toLowerCase() === `cn=${cn}`));
    expect(atRevoked).toBeGreaterThanOrEqual(0);
    expect(atLook).toBeGreaterThan(atRevoked ?? 0);
  });

  it('that was issued and revoked while nobody looked never was there', async () => {
    const name = newName();
    await revoke((await server(name)).id);
    await follower.follow();
    expect(await certificates(dnOf(name))).toBeUndefined();
  });

  it('of the same name in other letters is in the same entry, as a directory sees names', async () => {
    const [first, second] = [await service('Portail Patients'), await service('PORTAIL PATIENTS')];
    await follower.follow();
    expect(await certificates(dnOf('portail patients'))).toEqual(sorted(first.der, second.der));
    await revoke(first.id);
    await revoke(second.id);
    await follower.follow();
    expect(await certificates(dnOf('portail patients'))).toBeUndefined();
  });

  it('of a person stands under their identifier', async () => {
    const person = {
      kind: 'professional',
      idNatPs: MARTIN,
      familyName: 'MARTIN',
      givenName: 'Zoé',
      profession: 60,
    } as const;
    const { der } = await issueTo(stage.operator, { profile: 'ps-auth', holder: person });
    await follower.follow();
    const dn = `cn=${MARTIN},ou=Professionnels,${BASE}`;
    expect(await certificates(dn)).toEqual(sorted(der));
    expect([await textsOf(dn, 'sn'), await textsOf(dn, 'givenname'), await textsOf(dn, 'title')]).toEqual([
      ['MARTIN'],
      ['Zoé'],
      ['Infirmier'],
    ]);
    expect(await textsOf(dn, 'mail')).toBeUndefined();
  });

  it('that is named by a mailbox is not shown while nobody has consented', async () => {
    const mailbox = 'dr.martin@hopital-generique.fr';
    await issueTo(stage.operator, {
      profile: 'serv-smime',
      holder: { kind: 'structure', ...HOSPITAL },
      names: { commonName: mailbox, emailAddresses: [mailbox] },
    });
    await follower.follow();
    expect(await certificates(dnOf(mailbox))).toBeUndefined();
    expect((await pendingSummary(stage.system.db.read)).entries).toBe(0);
  });

  it('of a card is shown by its holder and not by the directory', async () => {
    await issueCard(stage.operator, DURAND);
    await follower.follow();
    expect(await certificates(`cn=${DURAND},ou=Professionnels,${BASE}`)).toBeUndefined();
  });
});

describe('a name is published as it was certified', () => {
  it.each([
    `O'Hara "A" <b>`,
    'a,b+c;d=e\\f',
    '#0401',
    'cn=x,ou=y',
    '*)(uid=*',
    "'; drop table certificate; --",
    '\u0024{jndi:ldap://x}',
    'é à ü œ',
    '\\2c\\00',
  ])('%j', async (name) => {
    const { der } = await service(name);
    await follower.follow();
    const found: string[] = [];
    for await (const page of reader.pages(`ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`, ALL))
      for (const { attributes } of page)
        if (attributes.get('usercertificate;binary')?.some((one) => Buffer.compare(one, der) === 0))
          found.push(...(attributes.get('cn') ?? []).map(String));
    expect(found).toEqual([name]);
  });
});

describe('LDAP', () => {
  beforeEach(() => followedToTheEnd(stage, follower));

  it('that is down holds no issuance, and is caught up with when it is back', async () => {
    await stage.slapd.halt();
    const before = await readDirectoryProgress(stage.system.db.read);
    const name = newName();
    const gone = await server(newName());
    const { der } = await server(name);
    await revoke(gone.id);
    await expect(follower.follow()).rejects.toBeInstanceOf(Outage);
    await expect(follower.follow()).rejects.toBeInstanceOf(Outage);
    expect(await readDirectoryProgress(stage.system.db.read)).toEqual(before);
    expect((await directoryLag(stage.system)).rows).toBe(3);
    await stage.slapd.resume();
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(der));
    await followedToTheEnd(stage, follower);
    expect((await directoryLag(stage.system)).refused).toBe(0);
  });

  it('that refuses our password is away, until the file has the right one', async () => {
    const passwordFile = join(stage.service.directory, 'ldap-password');
    writeFileSync(passwordFile, 'wrong');
    const other = stage.follower('wrong password', { passwordFile });
    const name = newName();
    const { der } = await server(name);
    await expect(other.follow()).rejects.toBeInstanceOf(Outage);
    expect(await certificates(dnOf(name))).toBeUndefined();
    expect((await pendingSummary(stage.system.db.read)).entries).toBe(0);
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(der));
  });

  it('that never answers ends at the deadline, and is issued past', async () => {
    const proxy = await startProxy(Number(new URL(stage.slapd.url).port));
    const slow = stage.follower('slow', { url: `ldap://127.0.0.1:${proxy.port}` });
    proxy.hang();
    const [first, second] = [newName(), newName()];
    const one = await server(first);
    const [followed, two] = await Promise.allSettled([slow.follow(), server(second)]);
    expect(followed).toMatchObject({ status: 'rejected', reason: { what: 'directory' } });
    expect(two.status).toBe('fulfilled');
    proxy.flow();
    await slow.follow();
    expect(await certificates(dnOf(first))).toEqual(sorted(one.der));
    expect(await certificates(dnOf(second))).toHaveLength(1);
    await proxy.stop();
  });

  it('that ends the connection at one entry is not away: it takes all others, and the one when it can', async () => {
    const proxy = await startProxy(Number(new URL(stage.slapd.url).port));
    const other = stage.follower('broken', { url: `ldap://127.0.0.1:${proxy.port}` });
    const [bad, good, later] = [newName(), newName(), newName()];
    proxy.breakAt(bad);
    const [first, second] = [await server(bad), await server(good)];
    await other.follow();
    expect(await certificates(dnOf(good))).toEqual(sorted(second.der));
    expect(await pendingSummary(stage.system.db.read)).toMatchObject({ entries: 1, reasons: ['no_answer'] });
    await followedToTheEnd(stage, other);
    // when it is tried again, it holds nothing that is new
    const third = await server(later);
    await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
    await other.follow();
    expect(await certificates(dnOf(later))).toEqual(sorted(third.der));
    proxy.breakAt(undefined);
    await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
    await other.follow();
    expect(await certificates(dnOf(bad))).toEqual(sorted(first.der));
    expect((await pendingSummary(stage.system.db.read)).entries).toBe(0);
    await proxy.stop();
  });

  it('that refuses one entry takes all others, and the one when it may', async () => {
    const [bad, good] = [newName(), newName()];
    // somebody else’s entry at this place: of another structural class, which no change may make ours
    await reader.add(dnOf(bad), { objectClass: ['organizationalRole'], cn: [bad] });
    const [first, second] = [await server(bad), await server(good)];
    await follower.follow();
    expect(await certificates(dnOf(good))).toEqual(sorted(second.der));
    expect(await pendingSummary(stage.system.db.read)).toMatchObject({
      entries: 1,
      reasons: [expect.stringMatching(/^result_\d+$/)],
    });
    await server(newName());
    expect(await follower.follow()).toBe(1);
    await reader.remove(dnOf(bad));
    await stage.system.db.read.execute(`update directory_pending set next_try = now()`);
    await follower.follow();
    expect(await certificates(dnOf(bad))).toEqual(sorted(first.der));
    expect((await pendingSummary(stage.system.db.read)).entries).toBe(0);
  });
});

describe('a worker', () => {
  afterEach(() => stage.system.db.read.execute('drop trigger if exists stop_here on directory_progress'));

  it('that stops between the directory and its notes does the same again, to the same effect', async () => {
    await follower.follow();
    const name = newName();
    const { der, id } = await server(name);
    await stage.system.db.read.execute(`
      create or replace function stop_here() returns trigger language plpgsql as 'begin raise exception $a$stopped$a$; end'`);
    await stage.system.db.read.execute(
      'create trigger stop_here before update on directory_progress for each row execute function stop_here()',
    );
    await expect(follower.follow()).rejects.toThrow();
    expect(await certificates(dnOf(name))).toEqual(sorted(der));
    await stage.system.db.read.execute('drop trigger stop_here on directory_progress');
    await stage.follower('another process').follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(der));
    await revoke(id);
    await follower.follow();
    expect(await certificates(dnOf(name))).toBeUndefined();
  });

  it('leaves the turn to another one, and two of them write what one would', async () => {
    const other = stage.follower('second');
    const wanted = new Map<string, Buffer[]>();
    const rounds = Array.from({ length: 6 }, async () => {
      const name = newName();
      const [kept, gone] = [await server(name, AGENCY), await server(name, AGENCY)];
      await revoke(gone.id);
      wanted.set(name, sorted(kept.der));
    });
    const done = Promise.all(rounds);
    let running = true;
    const end = done.finally(() => {
      running = false;
    });
    const keepOn = async (one: DirectoryFollower): Promise<void> => {
      while (running) {
        await one.follow();
        await sleep(20);
      }
    };
    await Promise.all([end, keepOn(follower), keepOn(other)]);
    await follower.follow();
    for (const [name, ders] of wanted) expect(await certificates(dnOf(name, AGENCY))).toEqual(ders);
  }, 60_000);
});

describe('a certificate that has ended', () => {
  it('goes, and leaves its holder’s others', async () => {
    const name = newName();
    const first = await server(name);
    stage.service.clock.advance(400 * DAY);
    const second = await server(name);
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(first.der, second.der));
    stage.service.clock.advance(800 * DAY);
    await follower.follow();
    expect(await certificates(dnOf(name))).toEqual(sorted(second.der));
    stage.service.clock.advance(400 * DAY);
    await follower.follow();
    expect(await certificates(dnOf(name))).toBeUndefined();
  });
});
