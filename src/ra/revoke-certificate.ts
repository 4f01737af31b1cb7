// A technical administrator revokes a certificate of one of their structures.

import { REVOCATION_REASONS, type RevocationReason } from '#db/revocations.ts';
import { refusalsAudited } from '../ca/audit-refusal.ts';
import { revokeCertificate as revoke } from '../ca/revoke.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { type CertificateView, findVisibleCertificate } from './certificate-view.ts';
import type { AdministratorActor } from './find-actor.ts';
import { type Idempotency, once, type Settle } from './once.ts';

export type RevokeOrder = {
  readonly id: string;
  readonly reason: string;
  readonly actor: AdministratorActor;
  readonly idempotency?: Idempotency;
};

/** Revokes for good and answers the certificate as it then stands. Throws Refusal `not_found`, `already_revoked` or `revocation_reason_not_allowed`. */
export async function revokeCertificate(
  system: Needs<'db' | 'config' | 'clock' | 'policies' | 'authorities'>,
  order: RevokeOrder,
): Promise<CertificateView> {
  const { actor, idempotency } = order;
  const refusable = { kind: 'revocation_refused', actor, subjectId: order.id } as const;
  const first = (settle: Settle | undefined): Promise<string> =>
    refusalsAudited(system, refusable, async () => {
      const reason = knownReason(order.reason);
      await findVisibleCertificate(system, { id: order.id, actor });
      await revoke(system, { id: order.id, reason, actor, ...(settle === undefined ? {} : { settle }) });
      return order.id;
    });
  const act = { actor, route: `revokeCertificate ${order.id}`, idempotency };
  const id = await once(system, act, { first, again: async (touched) => touched });
  // Asked again: a right that ended since the first answer shows no more.
  return findVisibleCertificate(system, { id, actor });
}

function knownReason(text: string): RevocationReason {
  const reason = REVOCATION_REASONS.find((known) => known === text);
  if (reason === undefined)
    throw new Refusal('revocation_reason_not_allowed', 'revocation is definitive: there is no hold and no way back');
  return reason;
}
