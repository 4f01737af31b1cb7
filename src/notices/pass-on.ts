// A notice that did not reach somebody goes to the next.

import type { Tx } from '#db/connect.ts';
import { isBeingTold, type Told } from '#db/notice-mails.ts';
import { listStillEnding } from '#db/notices.ts';
import type { Needs } from '../system.ts';
import { addressNotices, addressOperators } from './address.ts';

/**
 * Writes mails for those whose turn it is now that an address is refused; what nobody gets, the operators get. Answers about whom
 * there is nobody of their own left.
 */
export async function tellOthers(
  tx: Tx,
  { policies }: Needs<'policies'>,
  { told, at }: { readonly told: readonly Told[]; readonly at: Date },
): Promise<readonly string[]> {
  const certificates = await listStillEnding(tx, [...new Set(told.map(({ certificateId }) => certificateId))], at);
  const notices = told.flatMap(({ certificateId, threshold }) => {
    const certificate = certificates.find(({ id }) => id === certificateId);
    return certificate === undefined ? [] : [{ certificate, threshold }];
  });
  const { unreached } = await addressNotices(tx, policies.notices, { notices, at });
  for (const notice of notices) {
    if (await isBeingTold(tx, notice.certificate.id, notice.threshold)) continue;
    await addressOperators(tx, policies.notices, { notices: [notice], at });
  }
  return [...unreached];
}
