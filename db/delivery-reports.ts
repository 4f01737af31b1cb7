// Delivery reports that came over HTTP: kept as they came, until the worker has read them.

import { and, eq } from 'drizzle-orm';
import type { Tx } from './connect.ts';
import { deliveryReport } from './schema/notices.ts';

/** Keeps a message of 1 to 262,144 octets. */
export async function recordReport(tx: Tx, message: Uint8Array, receivedAt: Date): Promise<void> {
  await tx.insert(deliveryReport).values({ message, receivedAt });
}

/** What nobody has read, the oldest first. */
export async function listWaitingReports(
  tx: Tx,
  limit: number,
): Promise<{ readonly id: bigint; readonly message: Uint8Array }[]> {
  const { id, message, state } = deliveryReport;
  return await tx.select({ id, message }).from(deliveryReport).where(eq(state, 'waiting')).orderBy(id).limit(limit);
}

/** From waiting to read; false when another worker was first. */
export async function settleReport(
  tx: Tx,
  id: bigint,
  { state, at }: { readonly state: 'done' | 'unread'; readonly at: Date },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(deliveryReport)
    .set({ state, readAt: at })
    .where(and(eq(deliveryReport.id, id), eq(deliveryReport.state, 'waiting')));
  return rowCount === 1;
}
