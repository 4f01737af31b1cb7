// What the observer compares the public's view with: certificates to ask about.

import { sql } from 'drizzle-orm';
import type { Tx } from './connect.ts';

export type Living = { readonly issuer: string; readonly serial: Uint8Array };

/** Of so many of the newest rows the issuers' newest are taken: an authority that has issued nothing for long is asked about its responder. */
const LOOKED_AT = 5_000;

/**
 * Of each authority the newest `each` certificates that are issued, valid and not revoked, and those of its OCSP responders.
 * Rows younger than `settledMs` are left out: they may not have reached every copy.
 */
export async function newestLiving(
  tx: Tx,
  { now, each, settledMs }: { readonly now: Date; readonly each: number; readonly settledMs: number },
): Promise<Living[]> {
  const settled = new Date(now.getTime() - settledMs).toISOString();
  const at = now.toISOString();
  const { rows } = await tx.execute<{ issuer: string; serial: string }>(sql`
    with newest as (
      select id, issuer, serial, state, revoked_at, not_before, not_after, settled_at from certificate order by id desc limit ${LOOKED_AT}
    ), responder as (
      select c.id, c.issuer, c.serial, c.state, c.revoked_at, c.not_before, c.not_after, c.settled_at
      from ocsp_responder r join certificate c on c.id = r.certificate_id
    ), living as (
      select issuer, serial, row_number() over (partition by issuer order by id desc) as nth
      from (select * from newest union select * from responder) candidate
      where state = 'issued' and revoked_at is null and settled_at < ${settled}::timestamptz
        and not_before <= ${at}::timestamptz and not_after > ${at}::timestamptz
    )
    select issuer, encode(serial, 'hex') as serial from living where nth <= ${each} order by issuer, nth`);
  return rows.map(({ issuer, serial }) => ({ issuer, serial: Buffer.from(serial, 'hex') }));
}
