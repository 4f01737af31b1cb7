// The public role: CRLs, CA certificates and OCSP over plain HTTP, for anyone.

import { randomUUID } from 'node:crypto';
import { authorityFiles } from '../ca/files.ts';
import { type Config, required } from '../config.ts';
import { createCrlFinder } from '../crl/find.ts';
import { publicRate } from '../http/limits.ts';
import { closeListeners } from '../http/listener.ts';
import { buildPublic } from '../http/public/server.ts';
import type { Log } from '../log.ts';
import { startLoop } from '../loop.ts';
import { createIssuerIndex } from '../ocsp/issuers.ts';
import { respondOcsp } from '../ocsp/respond.ts';
import { createResponders } from '../ocsp/responders.ts';
import { createStatusIndex } from '../ocsp/status.ts';
import { openSystem } from '../open-system.ts';
import { parseListen } from './listen.ts';
import { publicReadiness } from './readiness.ts';
import type { RunningRole } from './role.ts';

/** How often a copy reads the status feed: a revocation shows in its answers within a second. */
const POLL_MS = 250;

/** Starts the public role and listens; throws when something that it needs is not there. */
export async function startPublic(config: Config, log: Log): Promise<RunningRole> {
  const listen = parseListen(required(config, 'PUBLIC_LISTEN'));
  const system = await openSystem(config, { role: 'public', log });
  const status = createStatusIndex(system.db, randomUUID());
  const ocsp = {
    ...system,
    status,
    issuers: createIssuerIndex(system.authorities),
    responders: createResponders(system.db),
  };
  const files = authorityFiles(system);
  const server = buildPublic(
    {
      respondOcsp: (request) => respondOcsp(ocsp, request),
      findCrl: createCrlFinder(system),
      findAuthorityFile: (path) => files.get(path),
      readiness: () => publicReadiness(system, status),
    },
    { logger: log, rate: publicRate(config) },
  );
  await status.poll();
  const polling = startLoop('status feed', POLL_MS, () => status.poll(), log);
  await server.listen(listen);
  return {
    async stop() {
      await closeListeners([server]);
      await polling.stop();
      await system.close();
    },
  };
}
