// Sends a certificate's notice now, marked as a test, so that it is known before the day whether such a mail arrives and how it looks.
// Nothing is recorded that the real one would find.

import { randomUUID } from 'node:crypto';
import { listStillEnding } from '#db/notices.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import type { Delivery, Mailer } from './mail.ts';
import { noticeMail, rehearsalMessageId } from './message.ts';
import type { Recipient } from './recipients.ts';

const MARK = { fr: '[Essai]', en: '[Test]' } as const;

type Rehearsal = { readonly certificateId: string; readonly recipients: readonly Omit<Recipient, 'contactId'>[] };

/**
 * Hands the mail to the server once for each recipient, one after another. Throws Refusal `not_found` when nobody would be told of
 * this certificate any more, Outage `mail` when the server is away, and then the ones before have theirs.
 */
export async function rehearseNotice(
  { db, clock, policies }: Needs<'db' | 'clock' | 'policies'>,
  mailer: Mailer,
  { certificateId, recipients }: Rehearsal,
): Promise<readonly (Rehearsal['recipients'][number] & { readonly delivery: Delivery })[]> {
  const [ending] = await listStillEnding(db.read, [certificateId], clock());
  if (ending === undefined)
    throw new Refusal('not_found', 'there is no notice of it: it is revoked, replaced, over, or of the service itself');
  const outcomes = [];
  for (const { email, language } of recipients) {
    const envelope = { messageId: rehearsalMessageId(randomUUID(), policies.notices), email, language };
    const mail = noticeMail(envelope, ending, policies);
    const delivery = await mailer.send({ ...mail, subject: `${MARK[language]} ${mail.subject}` });
    outcomes.push({ email, language, delivery });
  }
  return outcomes;
}
