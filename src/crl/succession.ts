// A CRL never loses an entry before its certificate has expired, and none is made for nothing: the draft is held against the list
// that it replaces.

import { countExpiredBefore } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import type { PublishedCrl } from '#db/crls.ts';
import { type CrlEntry, parseCrl } from '../x509/crl.ts';

/**
 * Throws when the previous CRL of `issuer` has an entry that the draft lacks although its certificate had not expired by then;
 * tells whether the draft has an entry that the previous one lacks.
 */
export async function refuseLostEntries(
  tx: Tx,
  issuer: string,
  { previous, draft }: { previous: PublishedCrl; draft: readonly CrlEntry[] },
): Promise<{ readonly adds: boolean }> {
  const kept = new Set(draft.map(({ serial }) => Buffer.from(serial).toString('hex')));
  const missing: Uint8Array[] = [];
  let common = 0;
  for (const { serial } of parseCrl(previous.der).entries) {
    if (kept.has(Buffer.from(serial).toString('hex'))) common += 1;
    else missing.push(serial);
  }
  const adds = draft.length > common;
  if (missing.length === 0) return { adds };
  const expired = await countExpiredBefore(tx, issuer, missing, previous.thisUpdate);
  if (expired !== missing.length) {
    throw new Error(
      `the next CRL of ${issuer} would lose ${missing.length - expired} entries of number ${previous.number}`,
    );
  }
  return { adds };
}
