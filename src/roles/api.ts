// The api role: REST for technical administrators over mutual TLS.

import { type Config, required } from '../config.ts';
import { apiRates } from '../http/limits.ts';
import { closeListeners } from '../http/listener.ts';
import { buildApi } from '../http/server.ts';
import { renewServerCertificate } from '../http/tls.ts';
import type { Log } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { signerSource } from '../metrics/signer-source.ts';
import { apiCertificateSource, connectionSource } from '../metrics/sources.ts';
import { createReportDesk } from '../notices/report-desk.ts';
import { openSystem } from '../open-system.ts';
import { profileSummary } from '../policy/profile.ts';
import { findVisibleCertificate } from '../ra/certificate-view.ts';
import { findActor } from '../ra/find-actor.ts';
import { extractCertificates, listVisibleCertificates } from '../ra/list-certificates.ts';
import { orderCertificate } from '../ra/order-certificate.ts';
import { findRenewalWindow } from '../ra/renewal-window.ts';
import { revokeCertificate } from '../ra/revoke-certificate.ts';
import type { System } from '../system.ts';
import { toPem } from '../x509/pem.ts';
import { readApiTls } from './api-tls.ts';
import { parseListen } from './listen.ts';
import { apiReadiness } from './readiness.ts';
import { watchApiTls } from './renew-api-tls.ts';
import type { RunningRole } from './role.ts';

/** Starts the api role and listens; throws when something that it needs is not there. */
export async function startApi(config: Config, log: Log): Promise<RunningRole> {
  const tls = readApiTls(config);
  const listen = parseListen(required(config, 'API_LISTEN'));
  const metrics = await openMetrics(config, 'api', log);
  const { meter } = metrics;
  const system = await openSystem(config, { role: 'api', log, meter });
  const clientAuthorities = cardAuthorities(system);
  const reportDesk = createReportDesk(system);
  const server = buildApi(
    {
      findActor: (peer) => findActor(system, peer),
      orderCertificate: (command) => orderCertificate(system, command),
      findCertificate: (query) => findVisibleCertificate(system, query),
      findRenewalWindow: (query) => findRenewalWindow(system, query),
      listCertificates: (query) => listVisibleCertificates(system, query),
      extractCertificates: (query) => extractCertificates(system, query),
      revokeCertificate: (order) => revokeCertificate(system, order),
      listProfiles: () => [...system.policies.profiles.values()].map(profileSummary),
      admitMailSystem: reportDesk.admit,
      recordDeliveryReport: reportDesk.record,
      readiness: () => apiReadiness(system),
    },
    { tls: { ...tls, clientAuthorities }, logger: log, meter, rates: apiRates(config) },
  );
  const watch = watchApiTls(config, {
    shown: tls,
    take: (renewed) => renewServerCertificate(server, { ...renewed, clientAuthorities }),
    ...{ clock: system.clock, log, meter },
  });
  await server.listen(listen);
  await metrics.show([
    signerSource('issuing', () => system.issuing.health()),
    connectionSource(system.db),
    apiCertificateSource(() => watch.shown().notAfter),
  ]);
  return {
    async stop() {
      await watch.stop();
      await closeListeners([server]);
      await metrics.close();
      await system.close();
    },
  };
}

/** The authorities whose certificates people hold, so that browsers and Java offer a card and nothing else. */
function cardAuthorities({ authorities, policies }: System): string[] {
  const cards = [...policies.profiles.values()].filter(
    ({ issuedBy, extendedKeyUsage }) => issuedBy === 'operator' && extendedKeyUsage.includes('clientAuth'),
  );
  const ids = new Set(cards.map(({ issuer }) => `${issuer}${policies.hierarchy.suffix}`));
  return [...authorities.values()].flatMap(({ id, certificate }) =>
    ids.has(id) ? [toPem('CERTIFICATE', certificate.der)] : [],
  );
}
