// Keeps a valid delegated responder for every intermediate: a new key in the OCSP token and a new certificate well before the
// old one ends, so that the two overlap (RFC 6960 §4.2.2.2 Authorized Responders).

import { appendAudit } from '#db/audit.ts';
import { expiredResponders, listAllResponders, recordResponder, removeResponder } from '#db/responders.ts';
import type { Needs } from '../system.ts';
import { keyIdentifier } from '../x509/keys.ts';
import { type IssueNeeds, issueCertificate } from './issue.ts';

const DAY = 86_400_000;
/** A responder is renewed when less than this is left of its (at most 30) days. */
const OVERLAP_MS = 10 * DAY;

/** The profile of responder certificates, and the key they have. */
const PROFILE = 'ocsp-responder';
const KEY = { type: 'rsa', bits: 2048 } as const;

/** Makes a responder for each intermediate that has none with enough time left; answers the ids of those renewed. */
export async function renewOcspResponders(system: IssueNeeds & Needs<'ocsp'>): Promise<readonly string[]> {
  const now = system.clock();
  const rows = await listAllResponders(system.db.read, now);
  const renewed: string[] = [];
  for (const authority of system.authorities.values()) {
    if (authority.kind === 'root') continue;
    const enough = rows.some(
      (row) => row.issuer === authority.id && row.notAfter.getTime() - now.getTime() > OVERLAP_MS,
    );
    if (enough) continue;
    await renewOne(system, authority.id);
    renewed.push(authority.id);
  }
  return renewed;
}

async function renewOne(system: IssueNeeds & Needs<'ocsp'>, issuer: string): Promise<void> {
  // If we stop after this line, the token holds a key that no certificate names: it signs for nobody.
  const { spki } = await system.ocsp.generateKey(KEY);
  const keyId = keyIdentifier(spki);
  await issueCertificate(system, {
    profile: PROFILE,
    holder: { kind: 'ca', id: issuer },
    key: { spki },
    actor: { kind: 'system', id: 'ocsp-renewal' },
    settle: async (tx, { id: certificateId, notBefore, notAfter }) => {
      await recordResponder(tx, { keyId, issuer, certificateId, notBefore, notAfter });
      await appendAudit(tx, {
        kind: 'ocsp_responder_renewed',
        actor: 'system:ocsp-renewal',
        subjectId: certificateId,
        at: system.clock(),
        content: { issuer },
      });
    },
  });
}

/** Destroys the keys of responders whose certificates have ended; answers how many. Row last: if we stop before, the next run asks again. */
export async function destroyEndedResponders(system: Needs<'db' | 'clock' | 'ocsp'>): Promise<number> {
  const ended = await expiredResponders(system.db.read, system.clock());
  for (const { keyId } of ended) {
    await system.ocsp.destroyKey(keyId);
    await removeResponder(system.db.read, keyId);
  }
  return ended.length;
}
