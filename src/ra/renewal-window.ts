// When an administrator should renew a certificate: asked of its row, of the authorities above it and of its key, each time.

import { blockedSince } from '#db/blocked-keys.ts';
import { type CertificateRecord, certificateStatus, findCertificate } from '#db/certificates.ts';
import { chainOf } from '../authority.ts';
import { Refusal } from '../errors.ts';
import { decideRenewal, type Incident, type RenewalWindow } from '../policy/renewal.ts';
import type { Needs } from '../system.ts';
import type { AdministratorActor } from './find-actor.ts';

type RenewalNeeds = Needs<'db' | 'authorities' | 'policies'>;

/** The window of an issued certificate of the actor's own structures. Throws Refusal `not_found`. */
export async function findRenewalWindow(
  system: RenewalNeeds,
  query: { id: string; actor: AdministratorActor },
): Promise<RenewalWindow> {
  const row = await findCertificate(system.db.read, query.id);
  if (row?.der === undefined || row.structure === undefined || !query.actor.structures.includes(row.structure))
    throw new Refusal('not_found', 'there is no such certificate');
  return decideRenewal(row, await incidentsOf(system, row), system.policies.notices);
}

async function incidentsOf(system: RenewalNeeds, row: CertificateRecord): Promise<Incident[]> {
  const { read } = system.db;
  const blockedAt = await blockedSince(read, row.keyDigest);
  const above = chainOf(system.authorities, row.issuer).filter(({ kind }) => kind === 'intermediate');
  const statuses = await Promise.all(
    above.map(({ issuer, certificate }) => certificateStatus(read, issuer, certificate.serial)),
  );
  return [
    ...(row.revocation === undefined ? [] : [{ kind: 'revoked', at: row.revocation.revokedAt } as const]),
    ...statuses.flatMap((status) =>
      status?.revokedAt === undefined ? [] : [{ kind: 'authority_revoked', at: status.revokedAt } as const],
    ),
    ...(blockedAt === undefined ? [] : [{ kind: 'key_blocked', at: blockedAt } as const]),
  ];
}
