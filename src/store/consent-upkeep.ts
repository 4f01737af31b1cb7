// What consents need beside their changes: the directory showed mailboxes before there were any, and a worker of the version before,
// which still runs while this one is rolled out, stores certificates without asking for them.

import { setMailConsented, storedUnconsented } from '#db/certificate-store.ts';
import type { Tx } from '#db/connect.ts';
import { consentedMailboxes, consentsOf, holdConsents } from '#db/consents.ts';
import { askForLook, countLooks } from '#db/directory.ts';
import { askForFirstLooks } from '#db/first-looks.ts';
import type { Step } from '../loop.ts';
import { isConsented } from '../policy/publication.ts';
import type { Needs } from '../system.ts';

/** Rows of the store in one transaction: well under a second. */
const BATCH = 5_000;
/** So many looks wait at most before more are asked for: a consent that changes meanwhile is not far behind them. */
const MOST_WAITING = 10_000;
/** Consents that are compared with the store at a time; a step compares these, and the next one those that follow. */
const CONSENTS = 500;

/**
 * A step for a loop, safe to run in several workers at once. If we stop, looks go on from the last batch that was committed, and consents
 * are compared from the first again.
 */
export function createConsentUpkeep({ db }: Needs<'db'>): Step {
  let looked = false;
  let after = '';
  return async (isStopping) => {
    while (!looked && !isStopping() && (await countLooks(db.read, MOST_WAITING)) < MOST_WAITING)
      looked = await db.transaction((tx) => askForFirstLooks(tx, BATCH));
    after = await db.transaction((tx) => showConsented(tx, after));
  };
}

/** Shows what the next consents in force allow and the store does not; answers after which mailbox the next step goes on. */
async function showConsented(tx: Tx, after: string): Promise<string> {
  await holdConsents(tx, 'fill');
  const mailboxes = await consentedMailboxes(tx, { after, limit: CONSENTS });
  const rows = await storedUnconsented(tx, mailboxes);
  const consents = await consentsOf(
    tx,
    rows.flatMap((row) => row.mailboxes),
  );
  const ids = rows.filter((row) => isConsented(row.mailboxes, consents)).map(({ certificateId }) => certificateId);
  await setMailConsented(tx, ids, true);
  await askForLook(tx, ids);
  return mailboxes.length < CONSENTS ? '' : (mailboxes.at(-1) ?? '');
}
