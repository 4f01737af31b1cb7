// Looks certificates up for anyone (RFC 4387 §2): those of the authorities, and of the holders those that a policy makes public, while
// they are in force.

import { type StoredCertificate, type StoreLookup, searchStore } from '#db/certificate-store.ts';
import type { Policies } from '../policy/load.ts';
import { mailProfiles, publicProfiles } from '../policy/publication.ts';
import type { Needs } from '../system.ts';
import { type StoreKeys, storeKeysOf } from '../x509/store-keys.ts';

/** No answer has more certificates than this; what follows is the next page. */
export const STORE_PAGE = 50;

/** What is asked; `text` is a host name or a mailbox. Search keys have 20 octets. */
export type StoreQuestion =
  | { readonly by: 'certHash' | 'iHash' | 'iAndSHash' | 'sHash' | 'sKIDHash'; readonly key: Uint8Array }
  | { readonly by: 'name' | 'uri'; readonly text: string };

export type StoreAnswer = {
  /** DER, authorities first, then the newest */
  readonly certificates: readonly Uint8Array[];
  /** whether any of them holds a mailbox */
  readonly holdsMailbox?: boolean;
  /** id to go on after, absent when this is all */
  readonly next?: string;
};

type SearchNeeds = Needs<'db' | 'policies' | 'authorities' | 'clock'>;
type KnownAuthority = { readonly id: string; readonly der: Uint8Array; readonly keys: StoreKeys };

export type SearchCertificates = (question: StoreQuestion, after?: string) => Promise<StoreAnswer>;

/** A search whose authorities are read once. It throws Outage `database` or `clock`. */
export function createStoreSearch(system: SearchNeeds): SearchCertificates {
  const known = [...system.authorities.values()].map(
    ({ id, certificate }): KnownAuthority => ({ id, der: certificate.der, keys: storeKeysOf(certificate) }),
  );
  const shown = publicProfiles(system.policies);
  const withMail = mailProfiles(system.policies);
  return async (question, after) => {
    const lookup = lookupOf(question, known);
    const issuer = lookup?.by === 'issuer' ? lookup.id : undefined;
    // profiles that this issuer does not issue would be searched through to their end for nothing
    const profiles = issuer === undefined ? shown : shown.filter((name) => issues(system.policies, name, issuer));
    const page = { profiles, mailProfiles: withMail, now: system.clock(), limit: STORE_PAGE + 1, after };
    const rows = lookup === undefined ? [] : await searchStore(system.db.read, lookup, page);
    const first = after === undefined ? known.filter(({ keys }) => fits(keys, question)).map(({ der }) => der) : [];
    const found = rows.slice(0, STORE_PAGE);
    const holdsMailbox = found.some((row) => row.holdsMailbox);
    return { certificates: [...first, ...found.map(({ der }) => der)], holdsMailbox, ...nextOf(rows) };
  };
}

const issues = ({ profiles }: Policies, name: string, issuer: string): boolean =>
  profiles.get(name)?.issuers.includes(issuer) === true;

/** The issuer is known by its name, so that its certificates need no search key of their own. */
function lookupOf(question: StoreQuestion, known: readonly KnownAuthority[]): StoreLookup | undefined {
  switch (question.by) {
    case 'certHash':
      return { by: 'certificate', key: question.key };
    case 'sHash':
      return { by: 'subject', key: question.key };
    case 'iAndSHash':
      return { by: 'issuerAndSerial', key: question.key };
    case 'sKIDHash':
      return { by: 'keyIdentifier', key: question.key };
    case 'iHash': {
      const issuer = known.find(({ keys }) => same(keys.subject, question.key));
      return issuer && { by: 'issuer', id: issuer.id };
    }
    case 'name':
      return { by: 'commonName', text: question.text };
    case 'uri':
      return { by: question.text.includes('@') ? 'mailbox' : 'host', text: question.text };
  }
}

function fits(keys: StoreKeys, question: StoreQuestion): boolean {
  switch (question.by) {
    case 'certHash':
      return same(keys.certificate, question.key);
    case 'iHash':
      return same(keys.issuer, question.key);
    case 'iAndSHash':
      return same(keys.issuerAndSerial, question.key);
    case 'sHash':
      return same(keys.subject, question.key);
    case 'sKIDHash':
      return keys.keyIdentifier !== undefined && same(keys.keyIdentifier, question.key);
    case 'name':
      return keys.commonName === question.text;
    case 'uri':
      return false;
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function nextOf(rows: readonly StoredCertificate[]): { next?: string } {
  const last = rows[STORE_PAGE - 1];
  return rows.length > STORE_PAGE && last !== undefined ? { next: last.id } : {};
}
