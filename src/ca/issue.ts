// Issuance: decide, record, sign, record. No signature without a record, no record without an outcome; at every step the
// sentence beside it says what recovery finds if the program stops there.

import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { type AuditEntry, appendAudit } from '#db/audit.ts';
import { canonicalJson } from '#db/canonical.ts';
import { type CertificateIntent, type CertificateRecord, recordIntent, recordUnsigned } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import { recordIntentOfNewKey, recordIssued } from '#db/issuance.ts';
import { type Actor, actorText } from '../actor.ts';
import type { Authority } from '../authority.ts';
import { Outage, Refusal } from '../errors.ts';
import { checkOrderable, decide } from '../policy/decide.ts';
import type { Holder } from '../policy/holder.ts';
import { buildSignable, type IssuancePlan } from '../policy/plan.ts';
import { issuerOf } from '../policy/profile.ts';
import type { RequestedNames } from '../policy/requested-names.ts';
import { signWithAuthority } from '../sign.ts';
import type { Needs } from '../system.ts';
import { parseCsr } from '../x509/csr.ts';
import { keyDigest } from '../x509/keys.ts';
import type { Signable } from '../x509/signable.ts';
import { profileSubject, refusalsAudited } from './audit-refusal.ts';
import { burnCertificate } from './burn.ts';
import { refuseAuthorityKey, refuseKeyReuse } from './key-reuse.ts';
import { measureIssuance, type Step } from './measure-issuance.ts';
import { newSerial } from './serial.ts';

export type IssueCommand = {
  readonly profile: string;
  readonly holder: Holder;
  /** a PKCS#10 request in DER, or the public key of a pair that one of our own tokens made */
  readonly key: { readonly csr: Uint8Array } | { readonly spki: Uint8Array };
  readonly names?: RequestedNames;
  /** Struct_IdNat of the structure under whose contract this is ordered, for a holder that is not of a structure */
  readonly structure?: string;
  readonly actor: Actor;
  /** what the caller wants in the transaction that records the result: an idempotency key settled, a responder recorded */
  readonly settle?: (tx: Tx, issued: Issued) => Promise<void>;
};

type Issued = { readonly id: string; readonly notBefore: Date; readonly notAfter: Date };

/** The row as it was recorded, with the certificate. */
export type IssuedCertificate = CertificateRecord & { readonly der: Uint8Array };

export type IssueNeeds = Needs<'policies' | 'db' | 'authorities' | 'issuing' | 'clock' | 'config' | 'meter'>;

/**
 * Issues one certificate and answers its row.
 * Order of effects: intent row and audit (transaction 1), signature (no transaction open), result row, feed and audit (transaction 2).
 * A transaction is one statement where nothing else belongs into it.
 * Throws Refusal with every finding, before any serial or token call is spent; Outage when token or database is away: the row is
 * then settled by this call if it can, by recover.ts if it cannot.
 */
export function issueCertificate(system: IssueNeeds, command: IssueCommand): Promise<IssuedCertificate> {
  return measureIssuance(system, command.profile, (step) => issue(system, command, step));
}

async function issue(system: IssueNeeds, command: IssueCommand, step: Step): Promise<IssuedCertificate> {
  const id = uuidv7();
  const refusable = {
    kind: 'certificate_refused',
    actor: command.actor,
    subjectId: profileSubject(system, command.profile),
  } as const;
  const { authority, plan, signable, row } = await refusalsAudited(system, refusable, async () => {
    // 1. Decide, build and lint. Pure: nothing exists yet, nothing to recover.
    const decided = await step('decide', async () => decideAndLint(system, command));
    // 2. Record the intent. If we stop after the commit, recover.ts burns the row once it is older than twice the deadline.
    return { ...decided, row: await step('record_intent', () => recordPlan(system, command, { id, ...decided })) };
  });

  // 3. Sign. If we stop here or after, the token may have signed: recover.ts burns the serial and the CRL names it.
  let der: Uint8Array;
  try {
    der = await step('sign', () => signWithAuthority(system.issuing, authority, signable));
  } catch (error) {
    await settleFailure(system, id, error);
    throw error;
  }

  // 4. Record the result. If this commit is lost, the row stays `signing`, nobody has seen the certificate, and recover.ts burns it.
  const { settle } = command;
  const recordResult = async (tx: Tx): Promise<void> => {
    if (!(await recordIssued(tx, { id, der }, resultAudit(command, { id, der, at: system.clock() })))) {
      throw new Outage('hsm', 'recovery settled this row first', { signature: 'unknown' });
    }
    await settle?.(tx, { id, notBefore: plan.fields.notBefore, notAfter: plan.fields.notAfter });
  };
  await step('record_result', () =>
    settle === undefined ? recordResult(system.db.read) : system.db.transaction(recordResult),
  );
  return { ...row, state: 'issued', der };
}

/**
 * What issueCertificate would sign: decided, linted, and its key held against those in use. Spends no serial, writes no row and asks
 * no token. Throws the same refusals, which are not audited: nobody has asked for anything yet.
 */
export async function planCertificate(system: IssueNeeds, command: IssueCommand): Promise<IssuancePlan> {
  const { plan, authority } = decidePlan(system, command);
  buildSignable(plan, authority.certificate, system.policies);
  await refuseKeyReuse(system.db.read, keyClaim(system, command, plan));
  return plan;
}

type Decided = { readonly plan: IssuancePlan; readonly authority: Authority };

function decideAndLint(system: IssueNeeds, command: IssueCommand): Decided & { readonly signable: Signable } {
  const decided = decidePlan(system, command);
  return { ...decided, signable: buildSignable(decided.plan, decided.authority.certificate, system.policies) };
}

function decidePlan(system: IssueNeeds, command: IssueCommand): Decided {
  const { policies } = system;
  const profile = policies.profiles.get(command.profile);
  if (profile === undefined) throw new Refusal('profile_unknown', `there is no profile ${command.profile}`);
  checkOrderable(profile, command.actor.kind);
  const authority = authorityOf(system, issuerOf(profile, command.holder));
  const now = system.clock();
  const key = 'csr' in command.key ? { csr: parseCsr(command.key.csr) } : { spki: command.key.spki };
  const plan = decide(
    { ...key, holder: command.holder, ...(command.names === undefined ? {} : { names: command.names }) },
    { profile, hierarchy: policies.hierarchy, issuer: authority, serial: newSerial(), now },
  );
  return { plan, authority };
}

function authorityOf(system: IssueNeeds, id: string): Authority {
  const authority = system.authorities.get(id);
  if (authority === undefined)
    throw new Refusal('hierarchy_differs', `the hierarchy has no certification authority ${id}`);
  return authority;
}

async function recordPlan(
  system: IssueNeeds,
  command: IssueCommand,
  decided: Decided & { id: string },
): Promise<CertificateIntent & Pick<CertificateRecord, 'createdAt'>> {
  const claim = keyClaim(system, command, decided.plan);
  const { actor, orderDigest } = claim;
  const intent = { ...intentOf(command, decided), keyDigest: claim.keyDigest, orderDigest, actor };
  const audit = intentAudit(decided, { actor, at: system.clock() });
  refuseAuthorityKey(claim);
  try {
    // Nearly every key is a new one. Of any other it has to be asked who used it for what.
    const createdAt = await recordIntentOfNewKey(system.db.read, intent, audit);
    return { ...intent, createdAt: createdAt ?? (await recordIntentOfKnownKey(system, { intent, audit, claim })) };
  } catch (error) {
    // Another request took the key between our two statements. Now its row can be seen, and says which answer is right.
    if (error instanceof Refusal && error.code === 'key_reused') {
      await system.db.transaction((tx) => refuseKeyReuse(tx, claim));
    }
    throw error;
  }
}

type KnownKey = {
  readonly intent: CertificateIntent;
  readonly audit: AuditEntry;
  readonly claim: ReturnType<typeof keyClaim>;
};

const recordIntentOfKnownKey = (system: IssueNeeds, { intent, audit, claim }: KnownKey): Promise<Date> =>
  system.db.transaction(async (tx) => {
    await refuseKeyReuse(tx, claim);
    const createdAt = await recordIntent(tx, intent);
    await appendAudit(tx, audit);
    return createdAt;
  });

function keyClaim({ authorities }: IssueNeeds, command: IssueCommand, plan: IssuancePlan) {
  const digest = keyDigest(plan.fields.spki);
  const orderDigest = digestOfOrder(command, plan, digest);
  return { keyDigest: digest, orderDigest, actor: actorText(command.actor), authorities };
}

const intentOf = (command: IssueCommand, { id, plan, authority }: Decided & { id: string }) => ({
  id,
  issuer: authority.id,
  serial: plan.fields.serial,
  profile: plan.profile,
  profileDigest: plan.profileDigest,
  tbs: plan.tbs,
  subject: plan.subjectText,
  holder: command.holder,
  holderKey: plan.holderKey,
  structure: structureOf(command),
  actorKind: command.actor.kind,
  notBefore: plan.fields.notBefore,
  notAfter: plan.fields.notAfter,
});

/** Whose certificate it is, and so whose administrators see it: for people without a structure, of whoever ordered it. */
function structureOf({ holder, structure }: IssueCommand): string | undefined {
  switch (holder.kind) {
    case 'structure':
      return holder.structIdNat;
    case 'employee':
      return holder.structure.structIdNat;
    case 'professional':
      return structure;
    case 'ca':
      return undefined;
  }
}

const intentAudit = ({ id, plan, authority }: Decided & { id: string }, by: { actor: string; at: Date }) => ({
  ...by,
  kind: 'certificate_intent',
  subjectId: id,
  content: {
    profile: plan.profile,
    profileDigest: plan.profileDigest,
    issuer: authority.id,
    serial: Buffer.from(plan.fields.serial).toString('hex'),
    tbsSha256: createHash('sha256').update(plan.tbs).digest('hex'),
  },
});

const resultAudit = (
  command: IssueCommand,
  { id, der, at }: { id: string; der: Uint8Array; at: Date },
): AuditEntry => ({
  kind: 'certificate_issued',
  actor: actorText(command.actor),
  subjectId: id,
  at,
  content: { sha256: createHash('sha256').update(der).digest('hex') },
});

/** Two requests are the same order when actor, profile, holder, names and key are the same. */
function digestOfOrder(command: IssueCommand, plan: IssuancePlan, key: Uint8Array): Uint8Array {
  const order = {
    actor: actorText(command.actor),
    profile: plan.profile,
    holder: command.holder,
    subject: Buffer.from(plan.fields.subject).toString('hex'),
    names: plan.names,
    key: Buffer.from(key).toString('hex'),
  };
  return createHash('sha256').update(canonicalJson(order)).digest();
}

/** The token did not give a certificate: say whether it may have signed, and never let a second failure hide the first. */
async function settleFailure(system: IssueNeeds, id: string, error: unknown): Promise<void> {
  const possiblySigned = !(error instanceof Refusal) && !(error instanceof Outage && error.signature === 'none');
  try {
    await system.db.transaction(async (tx) => {
      if (possiblySigned) await burnCertificate(tx, { id, actor: 'system:issuance', at: system.clock() });
      else if (await recordUnsigned(tx, id)) {
        await appendAudit(tx, {
          kind: 'certificate_unsigned',
          actor: 'system:issuance',
          subjectId: id,
          at: system.clock(),
          content: {},
        });
      }
    });
  } catch (failure) {
    // The database is away too: the row stays `signing`, and recover.ts burns it.
    if (!(failure instanceof Outage)) throw failure;
  }
}
