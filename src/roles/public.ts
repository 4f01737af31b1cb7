// The public role: CRLs, CA certificates, OCSP and the certificate store over plain HTTP, for anyone.

import { randomUUID } from 'node:crypto';
import { authorityFiles } from '../ca/files.ts';
import { type Config, required } from '../config.ts';
import { createCrlFinder, createCrlSearch } from '../crl/find.ts';
import { publicRate } from '../http/limits.ts';
import { closeListeners } from '../http/listener.ts';
import { buildPublic } from '../http/public/server.ts';
import type { Log } from '../log.ts';
import { startLoop } from '../loop.ts';
import { openMetrics } from '../metrics/open.ts';
import { signerSource } from '../metrics/signer-source.ts';
import { connectionSource, feedRowsSource, feedSource } from '../metrics/sources.ts';
import { createIssuerIndex } from '../ocsp/issuers.ts';
import { measureOcsp } from '../ocsp/measure.ts';
import { respondOcsp } from '../ocsp/respond.ts';
import { createResponders } from '../ocsp/responders.ts';
import { createStatusIndex } from '../ocsp/status.ts';
import { openSystem } from '../open-system.ts';
import { findInDirectory } from '../store/directory.ts';
import { createStoreSearch } from '../store/search.ts';
import { parseListen } from './listen.ts';
import { publicReadiness } from './readiness.ts';
import type { RunningRole } from './role.ts';

/** How often a copy reads the status feed: a revocation shows in its answers within a second. */
const POLL_MS = 250;

/** Starts the public role and listens; throws when something that it needs is not there. */
export async function startPublic(config: Config, log: Log): Promise<RunningRole> {
  const listen = parseListen(required(config, 'PUBLIC_LISTEN'));
  const metrics = await openMetrics(config, 'public', log);
  const { meter } = metrics;
  const system = await openSystem(config, { role: 'public', log, meter });
  const status = createStatusIndex(system.db, randomUUID());
  const ocsp = {
    ...system,
    status,
    issuers: createIssuerIndex(system.authorities),
    responders: createResponders(system.db),
  };
  const files = authorityFiles(system);
  const findCrl = createCrlFinder(system);
  const server = buildPublic(
    {
      respondOcsp: measureOcsp(meter, (request) => respondOcsp(ocsp, request)),
      findCrl,
      findCrlOf: createCrlSearch(system, findCrl),
      searchCertificates: createStoreSearch(system),
      searchDirectory: (query) => findInDirectory(system, query),
      findAuthorityFile: (path) => files.get(path),
      readiness: () => publicReadiness(system, status),
    },
    { logger: log, meter, rate: publicRate(config) },
  );
  await status.poll();
  const polling = startLoop('status feed', POLL_MS, () => status.poll(), log);
  await server.listen(listen);
  await metrics.show([
    signerSource('ocsp', () => system.ocsp.health()),
    connectionSource(system.db),
    feedSource(status),
    feedRowsSource(status, system.db),
  ]);
  return {
    async stop() {
      await closeListeners([server]);
      await polling.stop();
      await metrics.close();
      await system.close();
    },
  };
}
