// Rows that are valid in every respect, for tests that change one thing.

import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { AuditEntry } from '#db/audit.ts';
import { type AuthorityRecord, recordAuthority } from '#db/authorities.ts';
import { type CertificateIntent, recordIntent } from '#db/certificates.ts';
import type { Database, Tx } from '#db/connect.ts';
import { recordIssued } from '#db/issuance.ts';

export const CA = 'ACI-EL-ORG-TEST';
export const NOW = new Date('2026-11-21T10:00:00Z');

export function digest(text: string, encoding: BufferEncoding = 'utf8'): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text, encoding).digest());
}

export function randomSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = 0x42;
  return serial;
}

/** A certificate about to be signed, with a key and a serial of its own. */
export function intent(changes: Partial<CertificateIntent> = {}): CertificateIntent {
  const id = uuidv7();
  return {
    id,
    issuer: CA,
    serial: randomSerial(),
    profile: 'serv-ssl',
    profileDigest: 'a'.repeat(64),
    tbs: Uint8Array.of(1, 2, 3),
    subject: 'CN=example.fr',
    holder: { kind: 'structure', structIdNat: '10B0057881', name: 'HOPITAL', department: 'Corse-du-Sud (2A)' },
    holderKey: '10B0057881',
    keyDigest: digest(`key of ${id}`),
    orderDigest: digest(`order of ${id}`),
    actor: 'administrator-1',
    actorKind: 'administrator',
    notBefore: NOW,
    notAfter: new Date('2029-11-21T10:00:00Z'),
    ...changes,
  };
}

export const DER = Uint8Array.of(1, 2, 3, 4);

export const resultAudit = (subjectId: string): AuditEntry => ({
  kind: 'certificate_issued',
  actor: 'administrator-1',
  subjectId,
  at: NOW,
  content: {},
});

/** Records an issued certificate and returns what was recorded. */
export async function issued(tx: Tx, changes: Partial<CertificateIntent> = {}): Promise<CertificateIntent> {
  const recorded = intent(changes);
  await recordIntent(tx, recorded);
  await recordIssued(tx, { id: recorded.id, der: DER }, resultAudit(recorded.id));
  return recorded;
}

export function authority(changes: Partial<AuthorityRecord> = {}): AuthorityRecord {
  return {
    id: CA,
    kind: 'intermediate',
    issuer: 'ACR-EL-TEST',
    certificate: Uint8Array.of(1),
    subject: Uint8Array.of(2),
    keyId: new Uint8Array(20),
    keyDigest: digest('CA key'),
    notBefore: NOW,
    notAfter: new Date('2036-11-21T10:00:00Z'),
    ...changes,
  };
}

/** Records the CA under which the samples are issued. */
export async function recordSampleAuthority(db: Database): Promise<void> {
  await recordAuthority(db.read, authority());
}

/** Waits until every transaction that has run so far is over, those of other databases of the cluster included. */
export async function untilFinal(db: Database): Promise<void> {
  const { rows } = await db.read.execute<{ xid: string }>(sql`select pg_current_xact_id() as xid`);
  const xid = rows[0]?.xid;
  for (let final = false; !final; ) {
    const answer = await db.read.execute<{ final: boolean }>(
      sql`select pg_snapshot_xmin(pg_current_snapshot()) > ${xid}::xid8 as final`,
    );
    final = answer.rows[0]?.final ?? false;
  }
}

/** A transaction that did `act` and stays open until `commit` is called. */
export async function openTransaction(db: Database, act: (tx: Tx) => Promise<unknown>): Promise<OpenTransaction> {
  const acted = Promise.withResolvers<Tx>();
  const gate = Promise.withResolvers<void>();
  const done = db.transaction(async (tx) => {
    await act(tx);
    acted.resolve(tx);
    await gate.promise;
  });
  done.catch(acted.reject);
  return {
    tx: await acted.promise,
    commit: async () => {
      gate.resolve();
      await done;
    },
  };
}

export type OpenTransaction = { readonly tx: Tx; commit(): Promise<void> };
