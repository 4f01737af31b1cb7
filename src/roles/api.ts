// The api role: REST for technical administrators over mutual TLS.

import { readFileSync } from 'node:fs';
import { type Config, required } from '../config.ts';
import { buildApi } from '../http/server.ts';
import type { Log } from '../log.ts';
import { openSystem } from '../open-system.ts';
import { profileSummary } from '../policy/profile.ts';
import { findVisibleCertificate } from '../ra/certificate-view.ts';
import { findActor } from '../ra/find-actor.ts';
import { orderCertificate } from '../ra/order-certificate.ts';
import { revokeCertificate } from '../ra/revoke-certificate.ts';
import { parseListen } from './listen.ts';
import { apiReadiness } from './readiness.ts';
import type { RunningRole } from './role.ts';

/** Starts the api role and listens; throws when something that it needs is not there. */
export async function startApi(config: Config, log: Log): Promise<RunningRole> {
  const tls = {
    key: readFileSync(required(config, 'API_TLS_KEY_FILE')),
    cert: readFileSync(required(config, 'API_TLS_CERTIFICATE_FILE')),
  };
  const system = await openSystem(config, { role: 'api', log });
  const server = buildApi(
    {
      findActor: (peer) => findActor(system, peer),
      orderCertificate: (command) => orderCertificate(system, command),
      findCertificate: (query) => findVisibleCertificate(system, query),
      revokeCertificate: (order) => revokeCertificate(system, order),
      listProfiles: () => [...system.policies.profiles.values()].map(profileSummary),
      readiness: () => apiReadiness(system),
    },
    { tls, logger: log },
  );
  await server.listen(parseListen(required(config, 'API_LISTEN')));
  return {
    async stop() {
      await server.close();
      await system.close();
    },
  };
}
