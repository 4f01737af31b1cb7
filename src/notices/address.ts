// Looks up who is written to about certificates, and writes the mails that are new to them.

import { listActing } from '#db/administrators.ts';
import type { Tx } from '#db/connect.ts';
import { listWorkingContacts, type Owner } from '#db/contacts.ts';
import { recordNoticeMails } from '#db/notice-mails.ts';
import type { EndingCertificate } from '#db/notices.ts';
import type { NoticePolicy } from '../policy/notices.ts';
import { noticeMessageId } from './message.ts';
import { chooseRecipients, type Directory, type Recipients } from './recipients.ts';

export type DueNotice = { readonly certificate: EndingCertificate; readonly threshold: string };

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
  const directory = await directoryOf(
    tx,
    notices.map(({ certificate }) => certificate),
  );
  const chosen = notices.map((notice) => ({ notice, ...chooseRecipients(notice.certificate, directory, policy) }));
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
): Promise<Recipients> => chooseRecipients(certificate, await directoryOf(tx, [certificate]), policy);

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
const aboutWhom = ({ structure, id }: Pick<EndingCertificate, 'structure' | 'id'>): string =>
  structure === null ? `certificate ${id}` : `structure ${structure}`;

type Addressee = Pick<EndingCertificate, 'holderKey' | 'structure' | 'actor'>;

async function directoryOf(tx: Tx, certificates: readonly Addressee[]): Promise<Directory> {
  const structures = [...new Set(certificates.map(({ structure, holderKey }) => structure ?? holderKey))];
  const administrators = await listActing(tx, structures);
  const owners: readonly Owner[] = [
    ...structures.map((ownerKey) => ({ ownerKind: 'structure' as const, ownerKey })),
    ...certificates.map(({ holderKey }) => ({ ownerKind: 'holder' as const, ownerKey: holderKey })),
    ...[...administrators.values()].flat().map((ownerKey) => ({ ownerKind: 'administrator' as const, ownerKey })),
  ];
  return { administrators, contacts: await listWorkingContacts(tx, owners) };
}

const mailOf = ({ certificate, threshold }: DueNotice, policy: NoticePolicy) => ({
  certificateId: certificate.id,
  threshold,
  messageId: noticeMessageId(certificate.id, threshold, policy),
});
