// --dry-run of acts that touch the database alone: they run as they are, every check and every statement included, and are rolled
// back instead of committed. So what is shown is what would happen, and a refusal is the one that would come.

import type { Database } from '#db/connect.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { withSystem } from './operator.ts';
import { type Row, say } from './output.ts';

/** The words for `--dry-run` in the help of a command. */
export const DRY_RUN = ['--dry-run', 'say what would happen, and change nothing'] as const;

/** Opens the System and runs `act` in it; with `dryRun` none of its transactions is committed. `act` must write in transactions alone. */
export const withRehearsal = <T>(
  { dryRun = false }: { dryRun?: boolean | undefined },
  act: (system: OpenSystem) => Promise<T>,
): Promise<T> =>
  withSystem(async (system) => {
    if (!dryRun) return act(system);
    const result = await act({ ...system, db: rollingBack(system.db) });
    say('dry run: nothing was changed');
    return result;
  });

/** A result that says of itself that it was only rehearsed. */
export const marked = <R extends Row>(result: R, { dryRun }: { dryRun?: boolean | undefined }): R & Row =>
  dryRun ? { ...result, dryRun } : result;

/** The same database, where a transaction ends in ROLLBACK and answers what it would have. */
function rollingBack(db: Database): Database {
  return {
    ...db,
    async transaction<T>(act: Parameters<typeof db.transaction<T>>[0], how?: Parameters<typeof db.transaction>[1]) {
      const done: T[] = [];
      const undone = new Error('rolled back');
      try {
        await db.transaction(async (tx) => {
          done.push(await act(tx));
          throw undone;
        }, how);
      } catch (error) {
        if (error !== undone) throw error;
      }
      return done[0] as T;
    },
  };
}
