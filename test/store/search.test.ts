import { afterAll, beforeAll, expect, it } from 'vitest';
import { addToStore } from '#db/certificate-store.ts';
import { publicProfiles } from '../../src/policy/publication.ts';
import { createStoreSearch, STORE_PAGE } from '../../src/store/search.ts';
import { issued, NOW, recordSampleAuthority } from '../db/samples.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { policies } from '../policy/policies.ts';

const key = Buffer.alloc(20, 7);

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await recordSampleAuthority(fresh.db);
  for (let n = 0; n < STORE_PAGE + 1; n += 1) {
    const { id, issuer, profile, notAfter } = await issued(fresh.db.read);
    const keys = { certificateKey: key, subjectKey: key, issuerAndSerialKey: key, keyIdentifierKey: key };
    const names = { soughtName: '', hosts: [], mailboxes: [] };
    await addToStore(fresh.db.read, [{ certificateId: id, issuer, profile, notAfter, ...keys, ...names }]);
  }
});
afterAll(() => fresh.drop());

it('more than a page comes page by page, and the last one says that it is the last', async () => {
  const search = createStoreSearch({ db: fresh.db, policies, authorities: new Map(), clock: () => NOW });
  const first = await search({ by: 'sHash', key });
  expect(first.certificates).toHaveLength(STORE_PAGE);
  expect(first.next).toBeDefined();
  const second = await search({ by: 'sHash', key }, first.next);
  expect([second.certificates.length, second.next]).toEqual([1, undefined]);
});

it('what is public is what can be ordered, and never a card', () => {
  const shown = publicProfiles(policies);
  expect(shown).toContain('serv-ssl');
  expect(shown.filter((name) => policies.profiles.get(name)?.issuedBy !== 'order')).toEqual([]);
});
