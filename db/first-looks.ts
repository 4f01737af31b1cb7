// Looks at what the directory showed before anybody could consent, asked for in the order of the store, from a place that is kept.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { directoryProgress } from './schema/directory.ts';

/**
 * Goes through the next `rows` of the certificate store and asks for a look at those that hold a mailbox; true once all were gone
 * through. For a transaction of its own, in which others who do the same wait.
 */
export async function askForFirstLooks(tx: Tx, rows: number): Promise<boolean> {
  const [place] = await tx.select({ after: directoryProgress.looksAfter }).from(directoryProgress).for('update');
  const after = place?.after ?? null;
  if (after === null) return true;
  const { rows: found } = await tx.execute<{ passed: number; last: string | null }>(sql`
    with page as materialized (
      select certificate_id as id, cardinality(mailboxes) > 0 as held from certificate_store
      where certificate_id > ${after}::uuid order by certificate_id limit ${rows}),
    asked as (insert into directory_look (certificate_id) select id from page where held on conflict do nothing)
    select count(*)::int as passed, (select id from page order by id desc limit 1) as last from page`);
  const [page] = found;
  const looksAfter = page?.passed === rows ? page.last : null;
  await tx.update(directoryProgress).set({ looksAfter });
  return looksAfter === null;
}
