// What becomes of one certificate's notices, for a person who asks: when each is due, who would get it now, and what was told.

import type { CertificateRecord } from '#db/certificates.ts';
import { listToldNotices, type ToldNotice } from '#db/notice-mails.ts';
import { listStillEnding } from '#db/notices.ts';
import { thresholdInstant } from '../policy/due.ts';
import { thresholdName } from '../policy/notices.ts';
import type { Needs } from '../system.ts';
import { recipientsOf } from './address.ts';
import type { Recipients } from './recipients.ts';

export type NoticeOutlook = Recipients & {
  /** false once it is revoked, replaced or over, and for certificates of the service itself: nobody is told any more */
  readonly expected: boolean;
  /** from the first to the last */
  readonly thresholds: readonly { readonly threshold: string; readonly dueAt: Date }[];
  readonly told: readonly ToldNotice[];
};

/** Reads it; Outage when the database or the clock is away. */
export async function readNoticeOutlook(
  { db, clock, policies }: Needs<'db' | 'clock' | 'policies'>,
  certificate: Pick<CertificateRecord, 'id' | 'holderKey' | 'structure' | 'actor' | 'notAfter'>,
): Promise<NoticeOutlook> {
  const { id, holderKey, structure = null, actor, notAfter } = certificate;
  const { thresholds, zone } = policies.notices;
  const ending = await listStillEnding(db.read, [id], clock());
  return {
    ...(await recipientsOf(db.read, policies.notices, { holderKey, structure, actor })),
    expected: ending.length > 0,
    thresholds: thresholds.map((threshold) => ({
      threshold: thresholdName(threshold),
      dueAt: thresholdInstant(notAfter, threshold, zone),
    })),
    told: await listToldNotices(db.read, id),
  };
}
