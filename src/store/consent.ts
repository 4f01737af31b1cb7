// A consent to be found by a mailbox, given or withdrawn: in one transaction it is recorded, shows in the certificate store, and the
// directory is asked to look again. Who may consent is for whoever calls to know.

import { uuidv7 } from 'uuidv7';
import { appendAudit } from '#db/audit.ts';
import { setMailConsented, storedWithMailbox } from '#db/certificate-store.ts';
import type { Tx } from '#db/connect.ts';
import { consentsOf, endConsent, holdConsents, recordConsent } from '#db/consents.ts';
import { askForLook } from '#db/directory.ts';
import { type Actor, actorText } from '../actor.ts';
import { isConsented } from '../policy/publication.ts';
import type { Needs } from '../system.ts';

type ConsentNeeds = Needs<'db' | 'clock'>;

/** What a change has come to: the consent by id, and the certificates in force that hold the mailbox. */
export type ConsentChange = {
  readonly id: string;
  readonly certificates: number;
  /** of these, those for all of whose mailboxes a consent is in force now */
  readonly consented: number;
};

export type GivenConsent = {
  /** as `foldMailbox` leaves it */
  readonly mailbox: string;
  readonly evidence: string;
  readonly actor: Actor;
};

/** Records a consent. Throws Refusal `already_exists` where one is in force. If we stop before the commit, nothing has changed. */
export function giveConsent(
  { db, clock }: ConsentNeeds,
  { mailbox, evidence, actor }: GivenConsent,
): Promise<ConsentChange> {
  const [id, at, by] = [uuidv7(), clock(), actorText(actor)];
  return db.transaction(async (tx) => {
    await holdConsents(tx, 'change');
    await recordConsent(tx, { id, mailbox, evidence, givenAt: at, givenBy: by });
    const content = { mailbox, evidence };
    await appendAudit(tx, { kind: 'mailbox_consent_given', actor: by, subjectId: id, at, content });
    return { id, ...(await apply(tx, mailbox)) };
  });
}

/** Ends the consent for a mailbox; undefined where none is in force. If we stop before the commit, nothing has changed. */
export function withdrawConsent(
  { db, clock }: ConsentNeeds,
  { mailbox, actor }: Omit<GivenConsent, 'evidence'>,
): Promise<ConsentChange | undefined> {
  const [at, by] = [clock(), actorText(actor)];
  return db.transaction(async (tx) => {
    await holdConsents(tx, 'change');
    const id = await endConsent(tx, mailbox, { at, by });
    if (id === undefined) return undefined;
    const content = { mailbox };
    await appendAudit(tx, { kind: 'mailbox_consent_withdrawn', actor: by, subjectId: id, at, content });
    return { id, ...(await apply(tx, mailbox)) };
  });
}

async function apply(tx: Tx, mailbox: string): Promise<Omit<ConsentChange, 'id'>> {
  const rows = await storedWithMailbox(tx, mailbox);
  const consents = await consentsOf(
    tx,
    rows.flatMap(({ mailboxes }) => mailboxes),
  );
  const idsOf = (wanted: boolean): string[] =>
    rows
      .filter(({ mailboxes }) => isConsented(mailboxes, consents) === wanted)
      .map(({ certificateId }) => certificateId);
  for (const consented of [true, false]) await setMailConsented(tx, idsOf(consented), consented);
  await askForLook(
    tx,
    rows.map(({ certificateId }) => certificateId),
  );
  return { certificates: rows.length, consented: idsOf(true).length };
}
