// Revocation is definitive: no hold, no way back; a second one can only raise the reason to keyCompromise.

import { appendAudit } from '#db/audit.ts';
import { blockKey } from '#db/blocked-keys.ts';
import { findCertificate } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import { appendFeed } from '#db/feed.ts';
import { enqueue } from '#db/outbox.ts';
import { type RevocationReason, recordRevocation } from '#db/revocations.ts';
import { type Actor, actorText } from '../actor.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { wholeSecond } from '../x509/seconds.ts';

export type RevokeCommand = {
  readonly id: string;
  readonly reason: RevocationReason;
  readonly actor: Actor;
  readonly settle?: (tx: Tx, certificateId: string) => Promise<void>;
};

/**
 * Revokes an issued certificate: revocation row, feed row, audit, CRL job and, for keyCompromise, the key's block, in one transaction; or
 * raises the reason of one that is revoked, with all of these but a CRL job.
 * Throws Refusal `certificate_not_issued` or `already_revoked`; before the commit nothing has happened, after it everything has.
 */
export async function revokeCertificate(
  system: Needs<'db' | 'clock'>,
  command: RevokeCommand,
): Promise<{ revokedAt: Date }> {
  return system.db.transaction(async (tx) => {
    const certificate = await findCertificate(tx, command.id);
    if (certificate === undefined) throw new Refusal('not_found', 'there is no such certificate');
    if (certificate.state !== 'issued')
      throw new Refusal('certificate_not_issued', 'this certificate was never issued');
    const at = wholeSecond(system.clock());
    const actor = actorText(command.actor);
    const outcome = await recordRevocation(tx, {
      certificateId: command.id,
      reason: command.reason,
      revokedAt: at,
      actor,
    });
    if (outcome === 'already')
      throw new Refusal('already_revoked', 'this certificate is revoked already; revocation is definitive');
    if (command.reason === 'keyCompromise') await blockKey(tx, certificate.keyDigest, 'keyCompromise');
    const revokedAt = outcome === 'raised' ? await revokedAtOf(tx, command.id) : at;
    // Of a raise as well: nobody's status changes, and whoever tells of revocations has this one to tell.
    await appendFeed(tx, { issuer: certificate.issuer, serial: certificate.serial, revokedAt });
    // A list names no reasons.
    if (outcome === 'revoked')
      await enqueue(tx, {
        task: 'publish_crl',
        payload: { authority: certificate.issuer },
        jobKey: `publish_crl:${certificate.issuer}`,
      });
    await appendAudit(tx, {
      kind: outcome === 'raised' ? 'certificate_revocation_raised' : 'certificate_revoked',
      actor,
      subjectId: command.id,
      at,
      content: { reason: command.reason },
    });
    await command.settle?.(tx, command.id);
    return { revokedAt };
  });
}

/** Read now: whoever revoked it may have done so since we found it. */
async function revokedAtOf(tx: Tx, id: string): Promise<Date> {
  const revocation = (await findCertificate(tx, id))?.revocation;
  if (revocation === undefined) throw new TypeError('a reason was raised of a certificate without a revocation');
  return revocation.revokedAt;
}
