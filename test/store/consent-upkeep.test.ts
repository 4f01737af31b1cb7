import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addToStore, type StoreRow, storedWithMailbox } from '#db/certificate-store.ts';
import { countLooks, settleLooks, wantedLooks } from '#db/directory.ts';
import { askForFirstLooks } from '#db/first-looks.ts';
import { giveConsent } from '../../src/store/consent.ts';
import { createConsentUpkeep } from '../../src/store/consent-upkeep.ts';
import { issued, NOW, recordSampleAuthority } from '../db/samples.ts';
import { OPERATOR } from '../helpers/cast.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
});
afterEach(() => fresh.drop());

/** The id of one more certificate that the store has, as a worker of the version before put it there. */
async function stored(...mailboxes: string[]): Promise<string> {
  const { id, issuer, profile, notAfter } = await issued(fresh.db.read, { profile: 'serv-smime' });
  const key = (): Uint8Array => new Uint8Array(randomBytes(20));
  const row: StoreRow = {
    ...{ certificateId: id, issuer, profile, notAfter, soughtName: '', hosts: [], mailboxes },
    ...{ certificateKey: key(), subjectKey: key(), issuerAndSerialKey: key(), keyIdentifierKey: key() },
  };
  await addToStore(fresh.db.read, [row]);
  return id;
}
const waiting = async (): Promise<string[]> => (await wantedLooks(fresh.db.read, 100)).map(({ id }) => id);
const upkeep = () => createConsentUpkeep({ db: fresh.db })(() => false);
const give = (mailbox: string) =>
  giveConsent({ db: fresh.db, clock: () => NOW }, { mailbox, evidence: 'letter 1', actor: OPERATOR });

describe('what the directory showed before anybody could consent', () => {
  it('is looked at once more, and what holds no mailbox is not', async () => {
    await stored();
    const [first, second] = [await stored('a@example.fr'), await stored('b@example.fr', 'c@example.fr')];
    await upkeep();
    expect(await waiting()).toEqual([first, second]);
    await settleLooks(fresh.db.read, await wantedLooks(fresh.db.read, 100));
    await stored('d@example.fr');
    await upkeep();
    expect(await waiting()).toEqual([]);
  });

  it('is gone through in batches, each from where the last that was committed ended, by whoever comes', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await stored(`${n}@example.fr`));
    const next = (rows: number): Promise<boolean> => fresh.db.transaction((tx) => askForFirstLooks(tx, rows));
    expect([await next(2), await waiting()]).toEqual([false, ids.slice(0, 2)]);
    await fresh.db
      .transaction(async (tx) => {
        await askForFirstLooks(tx, 2);
        throw new TypeError('killed here');
      })
      .catch(() => undefined);
    expect(await waiting()).toEqual(ids.slice(0, 2));
    await Promise.all([next(1), next(1)]);
    expect(await waiting()).toEqual(ids.slice(0, 4));
    expect([await next(5), await next(5), await waiting()]).toEqual([true, true, ids]);
  });

  it('waits while very many looks are to be taken, so that a consent that changes is not behind them all', async () => {
    const { read } = fresh.db;
    await stored('a@example.fr');
    await read.execute(sql`alter table directory_look drop constraint directory_look_certificate_id_certificate_id_fk`);
    await read.execute(
      sql`insert into directory_look (certificate_id) select gen_random_uuid() from generate_series(1, 10000)`,
    );
    await upkeep();
    expect(await countLooks(read, 20_000)).toBe(10_000);
    await read.execute(sql`delete from directory_look`);
    await upkeep();
    expect(await countLooks(read, 20_000)).toBe(1);
  });
});

describe('what a worker of the version before puts into the store, which knows no consent', () => {
  const consented = async (mailbox: string): Promise<boolean[]> =>
    (await storedWithMailbox(fresh.db.read, mailbox)).map(({ mailConsented }) => mailConsented);

  it('is found by its mailbox where a consent is in force, in HTTP and LDAP', async () => {
    await give('a@example.fr');
    await upkeep();
    const id = await stored('a@example.fr');
    await fresh.db.read.execute(sql`delete from directory_look`);
    await upkeep();
    expect([await consented('a@example.fr'), await waiting()]).toEqual([[true], [id]]);
  });

  it('stays hidden where one of its mailboxes has no consent, and is not looked at again', async () => {
    await give('a@example.fr');
    await upkeep();
    const id = await stored('a@example.fr', 'b@example.fr');
    await fresh.db.read.execute(sql`delete from directory_look`);
    await upkeep();
    expect([await consented('a@example.fr'), await waiting()]).toEqual([[false], []]);
    await fresh.db.read.execute(sql`
      insert into mailbox_consent (id, mailbox, given_at, given_by, evidence)
      values (gen_random_uuid(), 'b@example.fr', now(), 'operator:a', 'letter 1')`);
    await upkeep();
    expect([await consented('b@example.fr'), await waiting()]).toEqual([[true], [id]]);
  });

  it('is found among more consents than are asked for at once', async () => {
    await fresh.db.read.execute(sql`
      insert into mailbox_consent (id, mailbox, given_at, given_by, evidence)
      select gen_random_uuid(), 'm' || lpad(n::text, 4, '0') || '@example.fr', now(), 'operator:a', 'letter 1'
      from generate_series(1, 1100) as n`);
    const mailboxes = ['m0001@example.fr', 'm0700@example.fr', 'm1100@example.fr'];
    for (const mailbox of mailboxes) await stored(mailbox);
    const step = createConsentUpkeep({ db: fresh.db });
    for (let times = 0; times < 3; times += 1) await step(() => false);
    expect((await Promise.all(mailboxes.map(consented))).flat()).toEqual([true, true, true]);
    // and from the beginning again
    await stored('m0001@example.fr');
    for (let times = 0; times < 3; times += 1) await step(() => false);
    expect(await consented('m0001@example.fr')).toEqual([true, true]);
  });
});
