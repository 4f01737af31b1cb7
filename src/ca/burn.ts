// A row whose outcome is unknown counts as a certificate that exists: its serial is burnt, revoked at once, and goes on the CRL.

import { appendAudit } from '#db/audit.ts';
import { findCertificate, recordBurnt } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import { appendFeed } from '#db/feed.ts';
import { enqueue } from '#db/outbox.ts';
import { recordRevocation } from '#db/revocations.ts';

type Burn = { readonly id: string; readonly actor: string; readonly at: Date };

/** Burns one row that is still `signing`; answers false when another settled it first. All in the caller's transaction. */
export async function burnCertificate(tx: Tx, burn: Burn): Promise<boolean> {
  const row = await findCertificate(tx, burn.id);
  if (row === undefined || !(await recordBurnt(tx, burn.id, burn.at))) return false;
  await recordRevocation(tx, { certificateId: burn.id, reason: 'unspecified', revokedAt: burn.at, actor: burn.actor });
  await appendFeed(tx, { issuer: row.issuer, serial: row.serial, revokedAt: burn.at });
  await appendAudit(tx, { kind: 'certificate_burnt', actor: burn.actor, subjectId: burn.id, at: burn.at, content: {} });
  await enqueue(tx, { task: 'publish_crl', payload: { authority: row.issuer }, jobKey: `publish_crl:${row.issuer}` });
  return true;
}
