// Builds the System of one role from its configuration, and refuses to start rather than to guess.

import { join } from 'node:path';
import { findHierarchy, listAuthorities } from '#db/authorities.ts';
import { databaseTime } from '#db/clock.ts';
import { openDatabase } from '#db/connect.ts';
import { checkMigrations } from '#db/migrate.ts';
import { connectSigner } from '#hsm/client.ts';
import { type Authority, readAuthority } from './authority.ts';
import { type Config, requiredAll } from './config.ts';
import { Outage, Refusal } from './errors.ts';
import type { Log } from './log.ts';
import { startLoop } from './loop.ts';
import { type Meter, NO_METER } from './meter.ts';
import { hierarchyDigest } from './policy/hierarchy.ts';
import { loadPolicies, type Policies } from './policy/load.ts';
import type { System } from './system.ts';
import { createTrustedClock } from './trusted-clock.ts';

/** How often the clock is held against the database's. */
const COMPARE_MS = 5_000;

export type CallerRole = 'api' | 'public' | 'worker' | 'operator';
type Caller = { readonly role: CallerRole; readonly log: Log; readonly meter?: Meter };
export type OpenSystem = System & { close(): Promise<void> };

/**
 * Opens policies, database and signer sockets for a calling role. Signers are connected at the first call, not here.
 * Throws Refusal `configuration_invalid` or `hierarchy_differs`, Outage when the database is away.
 */
export async function openSystem(config: Config, caller: Caller): Promise<OpenSystem> {
  const { role, log, meter = NO_METER } = caller;
  const { DATABASE_URL: url, SIGNER_SOCKETS: sockets } = requiredAll(config, ['DATABASE_URL', 'SIGNER_SOCKETS']);
  const policies = loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY);
  await checkMigrations(url);
  const db = openDatabase(url, {
    applicationName: `igc-sante ${role}`,
    onConnectionLost: (code) => log.warn({ code }, 'a connection to the database was lost'),
  });
  try {
    const authorities = await openAuthorities(db, policies);
    const signer = (token: 'issuing' | 'ocsp') =>
      connectSigner({ path: join(sockets, token, role, 'signer.sock'), deadlineMs: config.SIGNING_DEADLINE_MS });
    const issuing = signer('issuing');
    const ocsp = signer('ocsp');
    const clock = createTrustedClock();
    const compare = (): Promise<boolean> => clock.compare(() => databaseTime(db.read));
    if (!(await compare())) throw new Outage('clock', 'the database took too long to say what time it is');
    const comparing = startLoop('clock', COMPARE_MS, compare, log);
    const close = async (): Promise<void> => {
      await comparing.stop();
      await issuing.close();
      await ocsp.close();
      await db.close();
    };
    return { config, policies, db, authorities, issuing, ocsp, log, meter, clock: clock.now, close };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** The authorities of the created hierarchy; URLs and names are fixed at creation, so another configuration is refused. */
async function openAuthorities(db: System['db'], policies: Policies): Promise<ReadonlyMap<string, Authority>> {
  const created = await findHierarchy(db.read);
  if (created === undefined) {
    throw new Refusal('hierarchy_differs', 'this database has no hierarchy yet', [
      {
        rule: 'the hierarchy is created once',
        detail: 'no hierarchy is recorded',
        remedy: 'run `scripts/igc hierarchy create`',
      },
    ]);
  }
  if (created.digest !== hierarchyDigest(policies.hierarchy)) {
    throw new Refusal('hierarchy_differs', 'policies/hierarchy differs from the hierarchy that was created', [
      {
        rule: 'names, keys and URLs are fixed at creation',
        at: `policies/hierarchy/${policies.hierarchy.name}`,
        detail: 'certificates in the field carry the old values',
        remedy: 'restore the file as it was',
      },
    ]);
  }
  const authorities = (await listAuthorities(db.read)).map(readAuthority);
  return new Map(authorities.map((authority) => [authority.id, authority]));
}
