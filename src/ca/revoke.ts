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
 * Revokes an issued certificate: revocation row, feed row, audit, CRL job and, for keyCompromise, the key's block, in one transaction.
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
    if (outcome === 'revoked') {
      await appendFeed(tx, { issuer: certificate.issuer, serial: certificate.serial, revokedAt: at });
      await enqueue(tx, {
        task: 'publish_crl',
        payload: { authority: certificate.issuer },
        jobKey: `publish_crl:${certificate.issuer}`,
      });
    }
    await appendAudit(tx, {
      kind: outcome === 'raised' ? 'certificate_revocation_raised' : 'certificate_revoked',
      actor,
      subjectId: command.id,
      at,
      content: { reason: command.reason },
    });
    await command.settle?.(tx, command.id);
    return { revokedAt: outcome === 'raised' ? (certificate.revocation?.revokedAt ?? at) : at };
  });
}
