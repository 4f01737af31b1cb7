// Looks up who is written to about certificates, and writes the mails that are new to them.

import { listActing } from '#db/administrators.ts';
import type { Tx } from '#db/connect.ts';
import { type Contact, listWorkingContacts, type Owner } from '#db/contacts.ts';
import { recordNoticeMails } from '#db/notice-mails.ts';
import type { EndingHolder } from '#db/notices.ts';
import type { NoticePolicy } from '../policy/notices.ts';
import { noticeMessageId } from './message.ts';
import { chooseRecipients, type Directory, type Recipients } from './recipients.ts';

export type DueNotice = { readonly certificate: EndingHolder; readonly threshold: string };

/** Of whom nobody of their own can be reached, and of whom somebody can: by what an alarm is about. */
export type Addressed = {
  readonly contactIds: readonly string[];
  readonly unreached: ReadonlySet<string>;
  readonly reached: ReadonlySet<string>;
};

/**
 * Writes a mail for every recipient of every notice, at most one for each address. Several times is as good as once, and after an
 * address was refused the next ones get theirs.
 */
export async function addressNotices(
  tx: Tx,
  policy: NoticePolicy,
  { notices, at }: { readonly notices: readonly DueNotice[]; readonly at: Date },
): Promise<Addressed> {
  const directoryFor = await directoriesOf(
    tx,
    notices.map(({ certificate }) => certificate),
  );
  const chosen = notices.map((notice) => ({
    notice,
    ...chooseRecipients(notice.certificate, directoryFor(notice.certificate), policy),
  }));
  const mails = chosen.flatMap(({ notice, recipients }) =>
    recipients.map((recipient) => ({ ...recipient, ...mailOf(notice, policy), at })),
  );
  await recordNoticeMails(tx, mails);
  const subjects = (wanted: boolean): ReadonlySet<string> =>
    new Set(chosen.filter(({ reached }) => reached === wanted).map(({ notice }) => aboutWhom(notice.certificate)));
  return {
    contactIds: [...new Set(mails.flatMap(({ contactId }) => contactId ?? []))],
    unreached: subjects(false),
    reached: subjects(true),
  };
}

/** Who would be written to about a certificate now. */
export const recipientsOf = async (
  tx: Tx,
  policy: Pick<NoticePolicy, 'operators'>,
  certificate: Addressee,
): Promise<Recipients> => {
  const directoryFor = await directoriesOf(tx, [certificate]);
  return chooseRecipients(certificate, directoryFor(certificate), policy);
};

/** The operators alone, for what nobody else took. */
export const addressOperators = (
  tx: Tx,
  policy: NoticePolicy,
  { notices, at }: { readonly notices: readonly DueNotice[]; readonly at: Date },
): Promise<number> =>
  recordNoticeMails(
    tx,
    notices.flatMap((notice) =>
      policy.operators.map(({ address, language }) => ({
        ...{ contactId: null, email: address, language, at },
        ...mailOf(notice, policy),
      })),
    ),
  );

/** A legal person by its number; a person's would not be said in an alarm, so theirs is the certificate. */
const aboutWhom = ({ structure, id }: Pick<EndingHolder, 'structure' | 'id'>): string =>
  structure === null ? `certificate ${id}` : `structure ${structure}`;

type Addressee = Pick<EndingHolder, 'holderKey' | 'structure' | 'actor'>;

/** Looked up for all at once, and for each certificate those alone that it may concern: a page has thousands of contacts. */
async function directoriesOf(
  tx: Tx,
  certificates: readonly Addressee[],
): Promise<(certificate: Addressee) => Directory> {
  const structures = [...new Set(certificates.map(({ structure, holderKey }) => structure ?? holderKey))];
  const administrators = await listActing(tx, structures);
  const owners: readonly Owner[] = [
    ...structures.map((ownerKey) => ({ ownerKind: 'structure' as const, ownerKey })),
    ...certificates.map(({ holderKey }) => ({ ownerKind: 'holder' as const, ownerKey: holderKey })),
    ...[...administrators.values()].flat().map((ownerKey) => ({ ownerKind: 'administrator' as const, ownerKey })),
  ];
  const byOwner = new Map<string, Contact[]>();
  for (const contact of await listWorkingContacts(tx, owners)) {
    const others = byOwner.get(contact.ownerKey);
    if (others === undefined) byOwner.set(contact.ownerKey, [contact]);
    else others.push(contact);
  }
  return ({ holderKey, structure }) => {
    const keys = [holderKey, structure ?? holderKey, ...(administrators.get(structure ?? holderKey) ?? [])];
    return { administrators, contacts: [...new Set(keys)].flatMap((key) => byOwner.get(key) ?? []) };
  };
}

const mailOf = ({ certificate, threshold }: DueNotice, policy: NoticePolicy) => ({
  certificateId: certificate.id,
  threshold,
  messageId: noticeMessageId(certificate.id, threshold, policy),
});
