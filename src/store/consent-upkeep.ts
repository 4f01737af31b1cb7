// What consents need beside their changes: the directory showed mailboxes before there were any, and looks at each of them once more.

import { countLooks } from '#db/directory.ts';
import { askForFirstLooks } from '#db/first-looks.ts';
import type { Step } from '../loop.ts';
import type { Needs } from '../system.ts';

/** Rows of the store in one transaction: well under a second. */
const BATCH = 5_000;
/** So many looks wait at most before more are asked for: a consent that changes meanwhile is not far behind them. */
const MOST_WAITING = 10_000;

/** A step for a loop. If we stop, it goes on from the last batch that was committed. */
export function createConsentUpkeep({ db }: Needs<'db'>): Step {
  let looked = false;
  return async (isStopping) => {
    while (!looked && !isStopping() && (await countLooks(db.read, MOST_WAITING)) < MOST_WAITING)
      looked = await db.transaction((tx) => askForFirstLooks(tx, BATCH));
  };
}
