// The certificate store: what was ordered and is in force, by the keys under which anyone may look it up. A row here says where to
// look; whether the certificate may be shown is always asked of its own row.

import { and, eq, gte, inArray, isNull, lt, lte, type SQL, sql } from 'drizzle-orm';
import type { JsonObject } from './canonical.ts';
import type { Tx } from './connect.ts';
import type { FeedRow } from './feed.ts';
import { certificateStore, hasNoUnconsentedMailbox } from './schema/certificate-store.ts';
import { certificate } from './schema/certificates.ts';

/** An issued certificate that may have a row in the store. */
export type Storable = {
  readonly id: string;
  readonly issuer: string;
  readonly profile: string;
  readonly der: Uint8Array;
  readonly holder: JsonObject;
  readonly notAfter: Date;
};

export type StoreRow = typeof certificateStore.$inferInsert;

/** One way to look certificates up; text is compared as it stands. */
export type StoreLookup =
  | { readonly by: 'certificate' | 'subject' | 'issuerAndSerial' | 'keyIdentifier'; readonly key: Uint8Array }
  | { readonly by: 'issuer'; readonly id: string }
  | { readonly by: 'commonName' | 'host' | 'mailbox'; readonly text: string };

/** Which of what is found may be shown, newest first. */
export type StorePage = {
  /** the names of the profiles whose certificates anyone may see */
  readonly profiles: readonly string[];
  /** those among them whose mailboxes may be shown with consent */
  readonly mailProfiles: readonly string[];
  readonly now: Date;
  readonly limit: number;
  /** id of the last certificate that was seen: older ones follow */
  readonly after?: string | undefined;
};

export type StoredCertificate = { readonly id: string; readonly der: Uint8Array; readonly holdsMailbox: boolean };

/** One parameter however many serials. */
const serialsOf = (rows: readonly FeedRow[]): SQL => {
  const pairs = rows.map(({ issuer, serial }) => `${issuer} ${Buffer.from(serial).toString('hex')}`).join();
  return sql`select split_part(pair, ' ', 1) as issuer, decode(split_part(pair, ' ', 2), 'hex') as serial
    from unnest(string_to_array(${pairs}, ',')) as pair`;
};

/** Of these serials, the certificates under these profiles that are neither revoked nor expired. */
export async function listStorable(
  tx: Tx,
  rows: readonly FeedRow[],
  { profiles, now }: Pick<StorePage, 'profiles' | 'now'>,
): Promise<Storable[]> {
  const { id, issuer, profile, der, holder, notAfter } = certificate;
  const found = await tx
    .select({ id, issuer, profile, der, holder, notAfter })
    .from(certificate)
    .where(
      and(
        sql`(${issuer}, ${certificate.serial}) in (${serialsOf(rows)})`,
        inArray(profile, [...profiles]),
        ...notEnded(now),
      ),
    );
  return found.flatMap((row) => (row.der === null ? [] : [{ ...row, der: row.der }]));
}

/** Adds rows; one that is there already stays as it is. Answers the certificates that are new. */
export async function addToStore(tx: Tx, rows: readonly StoreRow[]): Promise<string[]> {
  if (rows.length === 0) return [];
  const added = await tx
    .insert(certificateStore)
    .values([...rows])
    .onConflictDoNothing()
    .returning({ id: certificateStore.certificateId });
  return added.map(({ id }) => id);
}

/** A stored certificate as far as consents are about it. */
export type StoredMailboxes = {
  readonly certificateId: string;
  readonly mailboxes: readonly string[];
  readonly mailConsented: boolean;
};

/** What the store has with this mailbox. */
export async function storedWithMailbox(tx: Tx, mailbox: string): Promise<StoredMailboxes[]> {
  const { certificateId, mailboxes, mailConsented } = certificateStore;
  return await tx
    .select({ certificateId, mailboxes, mailConsented })
    .from(certificateStore)
    .where(sql`${mailboxes} @> array[${mailbox}]::text[]`);
}

/** What the store hides and has with one of these mailboxes; it may have others to which nobody has consented. */
export async function storedUnconsented(tx: Tx, mailboxes: readonly string[]): Promise<StoredMailboxes[]> {
  const { rows } = await tx.execute<StoredMailboxes>(unconsentedQuery(mailboxes));
  return rows;
}

/**
 * The statement behind it. It looks each mailbox up by itself, and what is shown is left out afterwards (`offset 0`): the planner expects
 * so much of many mailboxes, or so little of what is hidden, that it would read the whole table.
 */
export const unconsentedQuery = (mailboxes: readonly string[]): SQL => sql`
  select distinct on (found.certificate_id)
    found.certificate_id as "certificateId", found.mailboxes, found.mail_consented as "mailConsented"
  from unnest(string_to_array(${mailboxes.join(' ')}, ' ')) as consented (mailbox) cross join lateral (
    select certificate_id, mailboxes, mail_consented from certificate_store
    where mailboxes @> array[consented.mailbox] offset 0
  ) as found
  where not found.mail_consented`;

/** Notes whether a consent is in force for each mailbox of these certificates. One parameter however many: 65,535 is the most. */
export async function setMailConsented(tx: Tx, ids: readonly string[], mailConsented: boolean): Promise<void> {
  if (ids.length > 0)
    await tx
      .update(certificateStore)
      .set({ mailConsented })
      .where(sql`${certificateStore.certificateId} = any (string_to_array(${ids.join()}, ',')::uuid[])`);
}

/** Takes out the certificates with these serials. */
export async function removeFromStore(tx: Tx, rows: readonly FeedRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.execute(sql`
    delete from certificate_store using certificate
    where certificate_id = certificate.id and (certificate.issuer, certificate.serial) in (${serialsOf(rows)})`);
}

/** Takes out at most `limit` certificates that have expired; answers how many. */
export async function removeExpired(tx: Tx, now: Date, limit: number): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    delete from certificate_store where certificate_id in (
      select certificate_id from certificate_store where not_after < ${now} limit ${limit})`);
  return rowCount ?? 0;
}

/** What is found and may be shown, newest first. */
export async function searchStore(tx: Tx, lookup: StoreLookup, page: StorePage): Promise<StoredCertificate[]> {
  const { rows } = await tx.execute<StoredCertificate>(storeQuery(lookup, page));
  return rows;
}

/** The statement that finds a page. */
export function storeQuery(lookup: StoreLookup, page: StorePage): SQL {
  const { certificateId, profile, issuer, mailboxes } = certificateStore;
  const beyond = page.after === undefined ? [] : [lt(certificateId, page.after)];
  const pageOf = (...conditions: (SQL | undefined)[]): SQL => sql`
    select ${certificate.id}, ${certificate.der}, cardinality(${mailboxes}) > 0 as "holdsMailbox" from ${certificateStore}
    join ${certificate} on ${certificate.id} = ${certificateId}
    where ${and(...conditions, ...beyond, ...inForce(page.now))}
    order by ${certificateId} desc limit ${page.limit}`;
  const shown = sql`string_to_array(${page.profiles.join(' ')}, ' ')`;
  if (lookup.by !== 'issuer') return pageOf(conditionOf(lookup, page), sql`${profile} = any (${shown})`);
  // each profile has its index entries in the order of the page, so that a page costs so many of each, whatever there is
  const ofProfile = pageOf(mayBeComeUpon(page), eq(issuer, lookup.id), sql`${profile} = shown.profile`);
  return sql`
    select found.* from unnest(${shown}) as shown (profile) cross join lateral (${ofProfile}) as found
    order by found.id desc limit ${page.limit}`;
}

/** What may be come upon of public profiles, as the policies are now; the first half is the condition of the indexes. */
function mayBeComeUpon({ mailProfiles }: Pick<StorePage, 'mailProfiles'>): SQL | undefined {
  const { profile, mailboxes } = certificateStore;
  const withMail = sql`string_to_array(${mailProfiles.join(' ')}, ' ')`;
  return and(
    hasNoUnconsentedMailbox(certificateStore),
    sql`(cardinality(${mailboxes}) = 0 or ${profile} = any (${withMail}))`,
  );
}

/** Only by a hash that nobody has who has not met the certificate is every one found: a subject can be made up. */
function conditionOf(
  lookup: Exclude<StoreLookup, { by: 'issuer' }>,
  page: Pick<StorePage, 'mailProfiles'>,
): SQL | undefined {
  const { commonName, hosts, mailboxes } = certificateStore;
  switch (lookup.by) {
    case 'commonName':
      return and(mayBeComeUpon(page), eq(commonName, lookup.text));
    case 'host':
      return and(mayBeComeUpon(page), sql`${hosts} @> array[${lookup.text}]::text[]`);
    case 'mailbox':
      return and(mayBeComeUpon(page), sql`${mailboxes} @> array[${lookup.text}]::text[]`);
    case 'certificate':
      return eq(certificateStore.certificateKey, lookup.key);
    case 'subject':
      return and(mayBeComeUpon(page), eq(certificateStore.subjectKey, lookup.key));
    case 'issuerAndSerial':
      return eq(certificateStore.issuerAndSerialKey, lookup.key);
    case 'keyIdentifier':
      return eq(certificateStore.keyIdentifierKey, lookup.key);
  }
}

/** Issued, and neither revoked nor expired at this moment. */
const notEnded = (now: Date): SQL[] => [
  eq(certificate.state, 'issued'),
  isNull(certificate.revokedAt),
  gte(certificate.notAfter, now),
];

/** The same, and valid already. */
const inForce = (now: Date): SQL[] => [...notEnded(now), lte(certificate.notBefore, now)];

/** Whom a directory is asked for; one of structure and name at least. */
export type DirectoryFilter = {
  /** Struct_IdNat that the certificate names */
  readonly structure?: string;
  /** how the folded name begins */
  readonly name?: string;
};

/** Where a page of the directory begins: behind this entry. */
export type DirectoryPlace = { readonly soughtName: string; readonly id: string };
export type DirectoryPage = Pick<StorePage, 'profiles' | 'mailProfiles' | 'now' | 'limit'> & {
  readonly after?: DirectoryPlace | undefined;
  /** nothing behind this entry is looked at */
  readonly upTo?: DirectoryPlace | undefined;
};

export type DirectoryRow = DirectoryPlace & {
  readonly profile: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
  readonly subject: string;
  readonly structure: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly certificateKey: Uint8Array;
  readonly mailboxes: readonly string[];
  readonly mailConsented: boolean;
};

/** Where one is after so many steps through the names that fit, shown or not; undefined where fewer are left. */
export async function walkDirectory(
  tx: Tx,
  filter: DirectoryFilter,
  { after, steps }: Pick<DirectoryPage, 'after'> & { readonly steps: number },
): Promise<DirectoryPlace | undefined> {
  const { soughtName, certificateId } = certificateStore;
  const [place] = await tx
    .select({ soughtName, id: certificateId })
    .from(certificateStore)
    .where(and(...namesThatFit(filter, { after })))
    .orderBy(soughtName, certificateId)
    .offset(steps - 1)
    .limit(1);
  return place;
}

/** What may be shown of a structure, or of names that begin alike, in the order of names. */
export async function searchDirectory(tx: Tx, filter: DirectoryFilter, page: DirectoryPage): Promise<DirectoryRow[]> {
  return await directoryQuery(tx, filter, page);
}

/** The statement behind it. */
export function directoryQuery(tx: Tx, filter: DirectoryFilter, page: DirectoryPage) {
  const { soughtName, certificateId, mailboxes, mailConsented, certificateKey } = certificateStore;
  const { id, profile, issuer, serial, subject, notBefore, notAfter } = certificate;
  const shown = { id, profile, issuer, serial, subject, notBefore, notAfter };
  return tx
    .select({
      ...shown,
      ...{ soughtName, structure: certificateStore.structure, certificateKey, mailboxes, mailConsented },
    })
    .from(certificateStore)
    .innerJoin(certificate, eq(id, certificateId))
    .where(
      and(
        ...namesThatFit(filter, page),
        mayBeComeUpon(page),
        inArray(certificateStore.profile, [...page.profiles]),
        ...inForce(page.now),
      ),
    )
    .orderBy(soughtName, certificateId)
    .limit(page.limit);
}

/** Conditions that one index answers, in its order. */
function namesThatFit(
  { structure, name }: DirectoryFilter,
  { after, upTo }: Pick<DirectoryPage, 'after' | 'upTo'>,
): (SQL | undefined)[] {
  const { soughtName, certificateId } = certificateStore;
  const here = sql`(${soughtName}, ${certificateId})`;
  const at = (place: DirectoryPlace): SQL => sql`(${place.soughtName} collate "C", ${place.id}::uuid)`;
  return [
    hasNoUnconsentedMailbox(certificateStore),
    structure === undefined ? undefined : eq(certificateStore.structure, structure),
    // the last character that there is comes after all that may follow the beginning
    name === undefined ? undefined : and(gte(soughtName, name), lt(soughtName, `${name}\u{10ffff}`)),
    after && sql`${here} > ${at(after)}`,
    upTo && sql`${here} <= ${at(upTo)}`,
  ];
}
