// Tells a database of the hierarchy that the ceremony made. A database knows one hierarchy for ever; an empty one may learn of a
// hierarchy that another database knew before.

import { uuidv7 } from 'uuidv7';
import { appendAudit } from '#db/audit.ts';
import { findHierarchy, listAuthorities, recordAuthority, recordHierarchy as recordRow } from '#db/authorities.ts';
import { recordBurnt, recordIntent } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import { appendFeed } from '#db/feed.ts';
import { recordRevocation } from '#db/revocations.ts';
import type { Actor } from '../actor.ts';
import { actorText } from '../actor.ts';
import type { Authority } from '../authority.ts';
import { Refusal } from '../errors.ts';
import { type Hierarchy, hierarchyDigest } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import { parseTbsCertificate } from '../x509/certificate.ts';
import { readDer } from '../x509/der.ts';
import { keyDigest } from '../x509/keys.ts';
import { formatName } from '../x509/names.ts';
import { type CeremonyJournal, recordsOf } from './ceremony-journal.ts';

type RecordNeeds = Needs<'db' | 'clock'> & { readonly hierarchy: Hierarchy; readonly actor: Actor };

/**
 * Throws Refusal `hierarchy_differs` when the database knows another hierarchy, or one that this directory has no certificates
 * of: then a ceremony would make a second hierarchy under the same names. Changes nothing.
 */
export async function checkRecordedHierarchy(
  system: Needs<'db'> & { readonly hierarchy: Hierarchy },
  authorities: ReadonlyMap<string, Uint8Array>,
): Promise<'unknown' | 'same'> {
  const recorded = await findHierarchy(system.db.read);
  if (recorded === undefined) return 'unknown';
  if (recorded.digest !== hierarchyDigest(system.hierarchy))
    throw differs('the database was made for another hierarchy');
  for (const { id, certificate } of await listAuthorities(system.db.read)) {
    const ours = authorities.get(id);
    if (ours === undefined || Buffer.compare(ours, certificate) !== 0)
      throw differs(`${id} has another certificate in the database`);
  }
  return 'same';
}

const differs = (detail: string): Refusal =>
  new Refusal('hierarchy_differs', 'the database knows another hierarchy than HIERARCHY_DIRECTORY', [
    {
      rule: 'a database knows one hierarchy',
      at: 'DATABASE_URL',
      detail,
      remedy: 'restore policies/hierarchy and the directory that belong to this database, or name another database',
    },
  ]);

/** Records the hierarchy in a database that knows none, with its audit row, in one transaction; answers false when it is known already. */
export async function recordHierarchy(
  system: RecordNeeds,
  ceremony: { readonly authorities: readonly Authority[]; readonly journal: CeremonyJournal },
): Promise<boolean> {
  const { hierarchy } = system;
  const known = new Map(ceremony.authorities.map(({ id, certificate }) => [id, certificate.der]));
  if ((await checkRecordedHierarchy(system, known)) === 'same') return false;
  await system.db.transaction(async (tx) => {
    const digest = hierarchyDigest(hierarchy);
    await recordRow(tx, { name: hierarchy.name, urls: hierarchy.urls, digest });
    for (const authority of ceremony.authorities) await recordOne(tx, authority);
    await recordAbandoned(tx, system, ceremony);
    await appendAudit(tx, {
      kind: 'hierarchy_created',
      actor: actorText(system.actor),
      subjectId: hierarchy.name,
      at: system.clock(),
      content: { digest, authorities: ceremony.authorities.map(({ id }) => id) },
    });
  });
  return true;
}

const recordOne = (tx: Tx, { id, kind, issuer, certificate, keyId, keyDigest: digest }: Authority): Promise<void> =>
  recordAuthority(tx, {
    id,
    kind,
    issuer,
    certificate: certificate.der,
    subject: certificate.subject,
    keyId,
    keyDigest: digest,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  });

/**
 * Certificates of intermediates whose signature may exist although nobody has it count as issued and revoked, like any other
 * serial of unknown outcome: the root's CRL names them. A root that vanished before anyone saw it needs no revocation.
 */
async function recordAbandoned(
  tx: Tx,
  system: RecordNeeds,
  { journal }: { readonly journal: CeremonyJournal },
): Promise<void> {
  const intents = new Map(recordsOf(journal, 'signature.intent').map((intent) => [intent.tbsSha256, intent]));
  const actor = actorText(system.actor);
  for (const { tbsSha256, at } of recordsOf(journal, 'signature.abandoned')) {
    const intent = intents.get(tbsSha256);
    if (intent?.what !== 'certificate' || intent.authority === intent.about) continue;
    const tbs = Buffer.from(intent.tbs, 'base64');
    const fields = parseTbsCertificate(readDer(tbs));
    const id = uuidv7();
    const digest = keyDigest(fields.spki);
    await recordIntent(tx, {
      id,
      issuer: intent.authority,
      serial: fields.serial,
      profile: 'certification-authority',
      profileDigest: hierarchyDigest(system.hierarchy),
      tbs,
      subject: formatName(fields.subjectName),
      holder: { kind: 'ca', id: intent.about },
      holderKey: intent.about,
      keyDigest: digest,
      orderDigest: Buffer.from(tbsSha256, 'hex'),
      actor,
      actorKind: 'operator',
      notBefore: fields.notBefore,
      notAfter: fields.notAfter,
    });
    const revokedAt = new Date(at);
    await recordBurnt(tx, id, revokedAt);
    await recordRevocation(tx, { certificateId: id, reason: 'unspecified', revokedAt, actor });
    await appendFeed(tx, { issuer: intent.authority, serial: fields.serial, revokedAt });
    await appendAudit(tx, {
      kind: 'certificate_burnt',
      actor,
      subjectId: id,
      at: system.clock(),
      content: { issuer: intent.authority },
    });
  }
}
