// Makes and publishes the full CRL of one authority: fenced by a lease, recorded before it is signed, compared with its
// predecessor before anyone can read it.

import { randomUUID } from 'node:crypto';
import { appendAudit } from '#db/audit.ts';
import type { Tx } from '#db/connect.ts';
import {
  type PublishedCrl as LatestCrl,
  latestCrl,
  latestScheduledUpdate,
  nextCrlNumber,
  publishCrl as publishRow,
  recordCrlIntent,
} from '#db/crls.ts';
import type { HeldLease } from '#db/leases.ts';
import { acquireLease, releaseLease } from '#db/leases.ts';
import { listRevoked } from '#db/revocations.ts';
import type { Signer } from '#hsm/client.ts';
import type { Authority } from '../authority.ts';
import { Outage, Refusal } from '../errors.ts';
import { signWithAuthority } from '../sign.ts';
import type { Needs } from '../system.ts';
import { signatureAlgorithmIdentifier } from '../x509/algorithms.ts';
import { buildTbsCertList, type CrlEntry } from '../x509/crl.ts';
import { authorityKeyIdentifier, cRLNumber } from '../x509/extensions.ts';
import { lintCertList } from '../x509/lint-crl.ts';
import { wholeSecond } from '../x509/seconds.ts';
import type { Signable } from '../x509/signable.ts';
import { burnCrl } from './burn.ts';
import { isCrlDue, nextUpdateOf } from './schedule.ts';
import { refuseLostEntries } from './succession.ts';

export type PublishNeeds = Needs<'db' | 'clock' | 'authorities' | 'policies' | 'config'>;

export type PublishedCrl = {
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  readonly der: Uint8Array;
};

/** Why there is none: another publisher holds the lease, or the last list says everything and is not due. */
type NotPublished = 'held' | 'unneeded';
type PublishOrder = { readonly signer: Pick<Signer, 'sign'>; readonly onlyIfNeeded: boolean };

/**
 * Publishes the next CRL of `authorityId`, signed by `signer`; answers undefined when another publisher holds the lease.
 * Order of effects: lease, intent row (transaction 1), signature, published row fenced by the lease's epoch (transaction 2).
 */
export async function publishCrl(
  system: PublishNeeds,
  authorityId: string,
  signer: Pick<Signer, 'sign'>,
): Promise<PublishedCrl | undefined> {
  const published = await publish(system, authorityId, { signer, onlyIfNeeded: false });
  return typeof published === 'string' ? undefined : published;
}

/** The same, but nothing is signed unless the regular series is due or a revocation is on no list yet. */
export function publishNeededCrl(
  system: PublishNeeds,
  authorityId: string,
  signer: Pick<Signer, 'sign'>,
): Promise<PublishedCrl | NotPublished> {
  return publish(system, authorityId, { signer, onlyIfNeeded: true });
}

async function publish(
  system: PublishNeeds,
  authorityId: string,
  order: PublishOrder,
): Promise<PublishedCrl | NotPublished> {
  const authority = system.authorities.get(authorityId);
  if (authority === undefined) throw new Refusal('not_found', `there is no certification authority ${authorityId}`);
  const leaseName = `crl:${authorityId}`;
  const epoch = await acquireLease(system.db.read, leaseName, randomUUID(), 6 * system.config.SIGNING_DEADLINE_MS);
  if (epoch === undefined) return 'held';
  try {
    return await publishUnderLease(system, authority, { ...order, leaseName, epoch });
  } finally {
    // If we stop before this line the lease runs out by itself.
    await releaseLease(system.db.read, { leaseName, epoch });
  }
}

type Draft = {
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: readonly CrlEntry[];
  readonly signable: Signable;
};

async function publishUnderLease(
  system: PublishNeeds,
  authority: Authority,
  { signer, onlyIfNeeded, ...lease }: PublishOrder & HeldLease,
): Promise<PublishedCrl | NotPublished> {
  // 1. Record the intent. If we stop after the commit, the number is burnt and the next CRL takes the one after.
  const draft = await recordDraft(system, authority, onlyIfNeeded);
  if (draft === undefined) return 'unneeded';
  // 2. Sign. If we stop here, the row stays `signing`; nobody reads it, and recoverCrls settles it.
  let der: Uint8Array;
  try {
    der = await signWithAuthority(signer, authority, draft.signable);
  } catch (error) {
    await burnCrl(system, { issuer: authority.id, number: draft.number });
    throw error;
  }
  // 3. Publish: one statement compares epoch and state, so that a publisher that lost its lease publishes nothing.
  await system.db.transaction(async (tx) => {
    const published = await publishRow(tx, { ...lease, issuer: authority.id, number: draft.number, der });
    if (!published) throw new Outage('database', 'the lease was lost before the CRL could be published');
    await appendAudit(tx, {
      kind: 'crl_published',
      actor: 'system:crl',
      subjectId: `${authority.id}/${draft.number}`,
      at: system.clock(),
      content: { entries: draft.entries.length, bytes: der.length },
    });
  });
  return {
    number: draft.number,
    thisUpdate: draft.thisUpdate,
    nextUpdate: draft.nextUpdate,
    entries: draft.entries.length,
    der,
  };
}

type Grounds = {
  readonly previous: LatestCrl | undefined;
  readonly scheduledUpdate: Date | undefined;
  readonly entries: readonly CrlEntry[];
  readonly number: bigint;
};

/** Nothing of a list is built, compared or linted while a transaction is open: at a million entries that takes seconds. */
async function recordDraft(
  system: PublishNeeds,
  authority: Authority,
  onlyIfNeeded: boolean,
): Promise<Draft | undefined> {
  // The number is of the same snapshot as the entries: whoever takes it first has the youngest view, or has refused all others.
  const grounds = await system.db.transaction((tx) => readGrounds(tx, authority.id), { isolation: 'repeatable read' });
  const { previous, entries, number } = grounds;
  const { hierarchy } = system.policies;
  const thisUpdate = wholeSecond(system.clock());
  if (previous !== undefined && thisUpdate < previous.thisUpdate) {
    throw new Outage('database', 'the clock is behind the last CRL: thisUpdate never goes back');
  }
  const nextUpdate = nextUpdateOf(hierarchy, authority, thisUpdate);
  const scheduled = isCrlDue(hierarchy, authority, grounds.scheduledUpdate, thisUpdate);
  if (previous !== undefined) {
    const { adds } = await refuseLostEntries(system.db.read, authority.id, { previous, draft: entries });
    if (onlyIfNeeded && !scheduled && !adds) return undefined;
  }
  const tbs = buildTbsCertList({
    signatureAlgorithm: signatureAlgorithmIdentifier(authority.algorithm),
    issuer: authority.certificate.subject,
    thisUpdate,
    nextUpdate,
    entries,
    extensions: [authorityKeyIdentifier(authority.keyId), cRLNumber(number)],
  });
  const signable = lintCertList(tbs, {
    issuer: authority.certificate,
    number,
    ...(previous === undefined ? {} : { previousNumber: previous.number }),
  });
  await system.db.transaction(async (tx) => {
    const intent = { issuer: authority.id, number, scheduled, thisUpdate, nextUpdate, entries: entries.length, tbs };
    if (!(await recordCrlIntent(tx, intent)))
      throw new Outage('database', 'another publisher took this CRL number first');
    await appendAudit(tx, {
      kind: 'crl_intent',
      actor: 'system:crl',
      subjectId: `${authority.id}/${number}`,
      at: system.clock(),
      content: { entries: entries.length },
    });
  });
  return { number, thisUpdate, nextUpdate, entries, signable };
}

const readGrounds = async (tx: Tx, issuer: string): Promise<Grounds> => ({
  previous: await latestCrl(tx, issuer),
  scheduledUpdate: await latestScheduledUpdate(tx, issuer),
  entries: await listRevoked(tx, issuer),
  number: await nextCrlNumber(tx, issuer),
});
