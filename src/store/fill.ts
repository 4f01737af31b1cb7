// Fills the certificate store from the status feed: what was issued comes in, what was revoked or has expired goes out. It runs beside
// issuance and never in it; a store that was emptied, or a version that did not have one, is caught up with from the beginning.

import {
  addToStore,
  listStorable,
  removeExpired,
  removeFromStore,
  type Storable,
  type StoreRow,
} from '#db/certificate-store.ts';
import type { Tx } from '#db/connect.ts';
import { consentsOf, holdConsents } from '#db/consents.ts';
import { askForLook } from '#db/directory.ts';
import { type FeedPage, feedPositionOf, readFeed, reportFeedPosition } from '#db/feed.ts';
import { acquireLease } from '#db/leases.ts';
import { errorFacts } from '../log.ts';
import { isConsented } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { type StoreKeys, storeKeysOf } from '../x509/store-keys.ts';
import { soughtNameOf } from './sought-name.ts';

/** Under which name the feed knows how far the store is. */
export const STORE_READER = 'certificate store';
const LEASE = 'certificate_store';
const LEASE_MS = 30_000;
const BATCH = 500;

export type FillNeeds = Needs<'db' | 'policies' | 'clock' | 'log'>;

/**
 * Brings the store up to the feed, while no other copy does; answers how many rows of the feed it went through. What every profile that
 * can be ordered has issued is stored, so that a policy that makes one public or withdraws it is obeyed at the next question.
 */
export async function fillCertificateStore(system: FillNeeds, holder: string): Promise<number> {
  let read = 0;
  // If we stop between two pages, the next one goes on from the position of the last, and rows that it meets again change nothing.
  for (let cursor = await feedPositionOf(system.db.read, STORE_READER); await isOurs(system, holder); ) {
    const page = await readFeed(system.db.read, cursor, BATCH);
    await applyPage(system, page);
    read += page.rows.length;
    cursor = page.cursor;
    if (page.complete) break;
  }
  while ((await removeExpired(system.db.read, system.clock(), BATCH)) === BATCH);
  return read;
}

const isOurs = async (system: FillNeeds, holder: string): Promise<boolean> =>
  (await acquireLease(system.db.read, LEASE, holder, LEASE_MS)) !== undefined;

async function applyPage(system: FillNeeds, { rows, cursor }: FeedPage): Promise<void> {
  const profiles = [...system.policies.profiles.values()]
    .filter(({ issuedBy }) => issuedBy === 'order')
    .map(({ name }) => name);
  const issued = rows.filter(({ revokedAt }) => revokedAt === undefined);
  const storable = await listStorable(system.db.read, issued, { profiles, now: system.clock() });
  const entries = storable.flatMap((one) => rowOf(system, one) ?? []);
  await system.db.transaction(async (tx) => {
    await addWithConsents(tx, entries);
    // after what came in: of a certificate that was issued and revoked on one page nothing is left
    await removeFromStore(
      tx,
      rows.filter(({ revokedAt }) => revokedAt !== undefined),
    );
    await reportFeedPosition(tx, STORE_READER, cursor);
  });
}

/**
 * Adds the rows as the consents have them. Where anybody ever consented, a consent may have changed between the directory's look at the
 * certificate and this row, which the change did not find: so the directory is to look again.
 */
async function addWithConsents(tx: Tx, entries: readonly StoreRow[]): Promise<void> {
  const mailboxes = entries.flatMap((entry) => entry.mailboxes);
  if (mailboxes.length > 0) await holdConsents(tx, 'fill');
  const consents = await consentsOf(tx, mailboxes);
  const added = await addToStore(
    tx,
    entries.map((entry) => ({ ...entry, mailConsented: isConsented(entry.mailboxes, consents) })),
  );
  const known = new Set(
    entries
      .filter((entry) => entry.mailboxes.some((mailbox) => consents.has(mailbox)))
      .map(({ certificateId }) => certificateId),
  );
  await askForLook(
    tx,
    added.filter((id) => known.has(id)),
  );
}

/** A certificate that cannot be read is left out, and does not hold up the others. */
function rowOf({ log }: FillNeeds, { id, issuer, profile, der, holder, notAfter }: Storable): StoreRow | undefined {
  try {
    const certificate = parseCertificate(der);
    const keys = storeKeysOf(certificate);
    if (keys.keyIdentifier === undefined) throw new TypeError('a certificate of ours names its key');
    const structure = structureIn(holder);
    return {
      ...{ certificateId: id, issuer, profile, notAfter },
      ...(structure === undefined ? {} : { structure }),
      soughtName: soughtNameOf(certificate.subjectName, keys),
      ...columnsOf(keys, keys.keyIdentifier),
    };
  } catch (error) {
    log.error({ certificate: id, ...errorFacts(error) }, 'a certificate cannot be read and is not in the store');
    return undefined;
  }
}

const columnsOf = (keys: StoreKeys, keyIdentifierKey: Uint8Array) => ({
  certificateKey: keys.certificate,
  subjectKey: keys.subject,
  issuerAndSerialKey: keys.issuerAndSerial,
  keyIdentifierKey,
  ...(keys.commonName === undefined ? {} : { commonName: keys.commonName }),
  hosts: [...keys.hosts],
  mailboxes: [...keys.mailboxes],
});

/** The structure that the certificate itself names: not that under whose contract a professional's was ordered. */
function structureIn(holder: Storable['holder']): string | undefined {
  const structure = holder.kind === 'structure' ? holder : holder.kind === 'employee' ? holder.structure : undefined;
  if (typeof structure !== 'object' || structure === null || Array.isArray(structure)) return undefined;
  const { structIdNat } = structure as { structIdNat?: unknown };
  return typeof structIdNat === 'string' ? structIdNat : undefined;
}
