// A CRL whose signature may exist and that nobody will ever read: its number is burnt, and the audit says so.

import { appendAudit } from '#db/audit.ts';
import { burnCrl as burnRow } from '#db/crls.ts';
import type { Needs } from '../system.ts';

export type CrlName = { readonly issuer: string; readonly number: bigint };

/** Burns one number that is still `signing`; answers false when it is settled already. */
export function burnCrl(system: Needs<'db' | 'clock'>, { issuer, number }: CrlName): Promise<boolean> {
  return system.db.transaction(async (tx) => {
    if (!(await burnRow(tx, issuer, number))) return false;
    const subjectId = `${issuer}/${number}`;
    await appendAudit(tx, { kind: 'crl_burnt', actor: 'system:crl', subjectId, at: system.clock(), content: {} });
    return true;
  });
}
