// Keeps a valid delegated responder for every intermediate: a new key in the OCSP token and a new certificate well before the
// old one ends, so that the two overlap (RFC 6960 §4.2.2.2 Authorized Responders).

import { randomUUID } from 'node:crypto';
import { appendAudit } from '#db/audit.ts';
import { acquireLease, releaseLease, renewLease } from '#db/leases.ts';
import { expiredResponders, listAllResponders, recordResponder, removeResponder } from '#db/responders.ts';
import { Outage } from '../errors.ts';
import { createPatience, type Patience } from '../patience.ts';
import { endOfValidity } from '../policy/calendar.ts';
import { leastRsaBits } from '../policy/key-lifetime.ts';
import type { Needs } from '../system.ts';
import { keyIdentifier } from '../x509/keys.ts';
import { type IssueNeeds, issueCertificate } from './issue.ts';

const DAY = 86_400_000;
/** A responder is renewed when less than this is left of its (at most 30) days. */
const OVERLAP_MS = 10 * DAY;

/** The profile of responder certificates. */
const PROFILE = 'ocsp-responder';

/** Two workers that renew at once would make two keys where one is wanted. That is all: both would be valid, so it may run out. */
const LEASE = 'ocsp_renewal';

type RenewNeeds = IssueNeeds & Needs<'ocsp'>;

/**
 * Makes a responder for each intermediate that has none with enough time left; answers the ids of those renewed, none while
 * another worker is at it. One that fails does not hold the others; then throws what the first one threw.
 */
export async function renewOcspResponders(
  system: RenewNeeds,
  patience: Patience = createPatience(),
): Promise<readonly string[]> {
  const ttlMs = 4 * system.config.SIGNING_DEADLINE_MS;
  const epoch = await acquireLease(system.db.read, LEASE, randomUUID(), ttlMs);
  if (epoch === undefined) return [];
  const lease = { leaseName: LEASE, epoch };
  const renewed: string[] = [];
  const failures: unknown[] = [];
  try {
    for (const id of (await authoritiesInNeed(system)).filter(patience.mayTry)) {
      await renewLease(system.db.read, lease, ttlMs);
      await renewOne(system, id).then(
        () => renewed.push(id),
        (error: unknown) => {
          patience.failed(id);
          failures.push(error);
        },
      );
    }
  } finally {
    // If we stop before this line the lease runs out by itself.
    await releaseLease(system.db.read, lease);
  }
  if (failures.length > 0) throw failures[0];
  return renewed;
}

async function authoritiesInNeed({ db, clock, authorities }: RenewNeeds): Promise<readonly string[]> {
  const now = clock();
  const rows = await listAllResponders(db.read, now);
  const longEnough = rows.filter(({ notAfter }) => notAfter.getTime() - now.getTime() > OVERLAP_MS);
  const served = new Set(longEnough.map(({ issuer }) => issuer));
  return [...authorities.values()].filter(({ id, kind }) => kind !== 'root' && !served.has(id)).map(({ id }) => id);
}

async function renewOne(system: RenewNeeds, issuer: string): Promise<void> {
  // No key is made that nobody could certify: it would stay in its token for ever.
  const { state, breaker } = await system.issuing.health();
  if (state !== 'open' || breaker === 'open') throw new Outage('hsm', 'the issuing token is away');
  // If we stop after this line, the token holds a key that no certificate names: it signs for nobody.
  const { spki } = await system.ocsp.generateKey({ type: 'rsa', bits: keyBits(system) });
  const keyId = keyIdentifier(spki);
  try {
    await certifyResponder(system, { issuer, spki, keyId });
  } catch (error) {
    // While the database is away the certificate may be recorded all the same: such a key stays.
    if (!(error instanceof Outage && error.what === 'database')) await system.ocsp.destroyKey(keyId);
    throw error;
  }
}

/** The shortest key that is still good on the responder's last day: its clients wait for each of its signatures. */
function keyBits({ policies, clock }: RenewNeeds): number {
  const validity = policies.profiles.get(PROFILE)?.validity ?? {};
  return leastRsaBits(endOfValidity(clock(), validity));
}

type NewKey = { readonly issuer: string; readonly spki: Uint8Array; readonly keyId: Uint8Array };

async function certifyResponder(system: RenewNeeds, { issuer, spki, keyId }: NewKey): Promise<void> {
  await issueCertificate(system, {
    profile: PROFILE,
    holder: { kind: 'ca', id: issuer },
    key: { spki },
    actor: { kind: 'system', id: 'ocsp-renewal' },
    settle: async (tx, { id: certificateId, notBefore, notAfter }) => {
      await recordResponder(tx, { keyId, issuer, certificateId, notBefore, notAfter });
      await appendAudit(tx, {
        kind: 'ocsp_responder_renewed',
        actor: 'system:ocsp-renewal',
        subjectId: certificateId,
        at: system.clock(),
        content: { issuer },
      });
    },
  });
}

/** Destroys the keys of responders whose certificates have ended; answers how many. Row last: if we stop before, the next run asks again. */
export async function destroyEndedResponders(system: Needs<'db' | 'clock' | 'ocsp'>): Promise<number> {
  const ended = await expiredResponders(system.db.read, system.clock());
  for (const { keyId, certificateId } of ended) {
    await system.ocsp.destroyKey(keyId);
    await system.db.transaction(async (tx) => {
      if (!(await removeResponder(tx, keyId))) return;
      await appendAudit(tx, {
        kind: 'ocsp_key_destroyed',
        actor: 'system:ocsp-renewal',
        subjectId: certificateId,
        at: system.clock(),
        content: {},
      });
    });
  }
  return ended.length;
}
