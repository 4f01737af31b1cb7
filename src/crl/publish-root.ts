// CRLs of the roots: made by hand, with the root token in the operator's process. Their numbers rise across databases, because
// relying parties know the CA and not our rows: the last list is kept outside of the database, beside the CA certificates.

import { appendAudit } from '#db/audit.ts';
import { adoptCrl, latestCrl } from '#db/crls.ts';
import type { Signer } from '#hsm/client.ts';
import { type Actor, actorText } from '../actor.ts';
import type { Authority } from '../authority.ts';
import { Outage, Refusal } from '../errors.ts';
import { parseSignatureAlgorithm, verifySignature } from '../x509/algorithms.ts';
import { type Crl, parseCrl, parseTbsCertList, type TbsCertList } from '../x509/crl.ts';
import { DerError } from '../x509/der.ts';
import { type PublishedCrl, type PublishNeeds, publishCrl } from './publish.ts';

export type RootCrlCommand = {
  /** the root */
  readonly id: string;
  /** opens its token; asked only when there is something to sign */
  readonly signer: () => Pick<Signer, 'sign'>;
  readonly actor: Actor;
  /** the last list of this root, as it is kept beside the CA certificates; undefined when there is none yet */
  readonly kept: Uint8Array | undefined;
  /** keeps a list there, in the place of the last one */
  readonly keep: (der: Uint8Array) => void;
  /** every TBSCertList of this root that was ever handed to the token, whatever became of it */
  readonly attempted: readonly Uint8Array[];
};

/**
 * Publishes the next CRL of a root and keeps it.
 * Throws Refusal `hierarchy_differs` for a kept list that the root did not sign; Outage when another publisher is at work.
 */
export async function publishRootCrl(system: PublishNeeds, command: RootCrlCommand): Promise<PublishedCrl> {
  // 1. Record who asks, and the numbers that this database cannot know. If we stop here, no list was made.
  await requestCrl(system, command);
  // 2. Publish: publishCrl says what happens at each stop.
  const published = await publishCrl(system, command.id, command.signer());
  if (published === undefined) throw new Outage('database', `another publisher makes a CRL of ${command.id} just now`);
  // 3. Keep it. If we stop before, ensureRootCrl keeps it from the database, and `attempted` has the number taken.
  command.keep(published.der);
  return published;
}

/** Publishes the first CRL that this database has of a root; answers undefined when it has one, which is then kept if it is newer. */
export async function ensureRootCrl(system: PublishNeeds, command: RootCrlCommand): Promise<PublishedCrl | undefined> {
  const latest = await latestCrl(system.db.read, command.id);
  if (latest === undefined) return publishRootCrl(system, command);
  const kept = readKept(system, command);
  if (kept === undefined || numberOf(kept) < latest.number) command.keep(latest.der);
  return undefined;
}

async function requestCrl(system: PublishNeeds, command: RootCrlCommand): Promise<void> {
  const kept = readKept(system, command);
  const above = kept === undefined ? 0n : numberOf(kept);
  await system.db.transaction(async (tx) => {
    if (kept !== undefined) await adoptCrl(tx, { ...rowOf(command.id, kept), der: kept.der });
    for (const tbs of command.attempted) {
      const draft = parseTbsCertList(tbs);
      if (numberOf(draft) > above) await adoptCrl(tx, { ...rowOf(command.id, draft), tbs });
    }
    await appendAudit(tx, {
      kind: 'crl_requested',
      actor: actorText(command.actor),
      subjectId: command.id,
      at: system.clock(),
      content: {},
    });
  });
}

const rowOf = (issuer: string, list: TbsCertList) => ({
  issuer,
  number: numberOf(list),
  thisUpdate: list.thisUpdate,
  nextUpdate: list.nextUpdate,
  entries: list.entryCount,
});

/** Our lists are linted to have a number before they are signed. */
function numberOf({ number }: TbsCertList): bigint {
  if (number === undefined) throw new TypeError('a CRL without a number');
  return number;
}

/** The kept list, if there is one and the root signed it. */
function readKept(system: PublishNeeds, { id, kept }: RootCrlCommand): Crl | undefined {
  const root = system.authorities.get(id);
  if (root?.kind !== 'root') throw new Refusal('not_found', `there is no root ${id}`);
  if (kept === undefined) return undefined;
  const crl = readList(kept);
  if (crl !== undefined && isSignedBy(root, crl)) return crl;
  throw new Refusal('hierarchy_differs', 'the kept CRL is not of this hierarchy', [
    {
      rule: 'numbers go on where the last list of the root stopped',
      at: `${id}.crl`,
      detail: `it is no list that ${id} signed`,
      remedy: 'restore the file',
    },
  ]);
}

function readList(der: Uint8Array): Crl | undefined {
  try {
    return parseCrl(der);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function isSignedBy({ certificate }: Authority, crl: Crl): boolean {
  const algorithm = parseSignatureAlgorithm(crl.signatureAlgorithm);
  return algorithm !== undefined && verifySignature(algorithm, certificate.spki, crl.tbs, crl.signature);
}
