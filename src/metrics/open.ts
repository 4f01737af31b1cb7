// The metrics of one role, if METRICS_LISTEN asks for them. Where it does not, nothing is loaded, counted or opened.

import type { Config } from '../config.ts';
import { errorFacts, type Log } from '../log.ts';
import { type Meter, NO_METER } from '../meter.ts';
import { METRICS_PORTS, type RoleWithMetrics } from './catalogue.ts';
import type { Health } from './listener.ts';
import type { Source } from './source.ts';

export type Metrics = {
  readonly meter: Meter;
  /** Listens, and asks these parts at each scrape; with `health` it also says how the role is. Throws when the address is taken. */
  show(sources: readonly Source[], health?: Health): Promise<void>;
  close(): Promise<void>;
};

const NO_METRICS: Metrics = { meter: NO_METER, show: async () => undefined, close: async () => undefined };

/** Prepares the metrics of a role; `show` opens the listener once the role has something to show. */
export async function openMetrics(config: Config, role: RoleWithMetrics, log: Log): Promise<Metrics> {
  const address = config.METRICS_LISTEN;
  if (address === undefined) return NO_METRICS;
  const { openRegistry } = await import('./registry.ts');
  const { listenForScrapes } = await import('./listener.ts');
  const registry = openRegistry(role);
  let listener: Awaited<ReturnType<typeof listenForScrapes>> | undefined;
  return {
    meter: registry.meter,
    async show(sources, health) {
      for (const source of sources) registry.add(source);
      const at = metricsAddress(address, role);
      try {
        listener = await listenForScrapes(at, registry, health);
      } catch (error) {
        log.error({ ...at, ...errorFacts(error) }, 'METRICS_LISTEN: nobody can listen there');
        throw error;
      }
      log.info({ port: listener.port }, 'metrics are shown');
    },
    async close() {
      await listener?.close();
    },
  };
}

/** Host and port of METRICS_LISTEN; a host alone stands for the port of the role. config.ts has checked the form. */
export function metricsAddress(listen: string, role: RoleWithMetrics): { host: string; port: number } {
  const [, host = '', port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(listen) ?? [];
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? METRICS_PORTS[role] : Number(port) };
}

/** Whether METRICS_LISTEN names one port, which the roles of one process tree cannot share. */
export const namesOnePort = (listen: string): boolean => /^(\[[^\]]+\]|[^:]+):\d+$/.test(listen);
