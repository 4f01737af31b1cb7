// The numbers of one process, and the only door to @prometheus-io/client: counters and histograms that the Meter moves, gauges that
// are asked for at each scrape, and what Node says of its own process.

import { readFileSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Meter } from '../meter.ts';
import {
  CATALOGUE,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricDefinition,
  metricsOf,
  type RoleWithMetrics,
} from './catalogue.ts';
import type { Sample, Source } from './source.ts';

/** A part that has not answered by then is shown as down, so that a scrape never waits for what hangs. */
const SOURCE_MS = 2_000;

export type MetricRegistry = {
  readonly meter: Meter;
  readonly contentType: string;
  /** from now on, each scrape asks this part too */
  add(source: Source): void;
  /** everything in the text format of Prometheus; scrapes that come together share one answer. Never throws. */
  scrape(): Promise<string>;
};

/** The metrics of a process that runs as `role`. */
export function openRegistry(role: RoleWithMetrics): MetricRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter<string>>();
  const histograms = new Map<string, Histogram<string>>();
  const gauges = new Map<string, Gauge<string>>();
  for (const name of metricsOf(role)) {
    const { type, help, labels, buckets }: MetricDefinition = CATALOGUE[name];
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, new Counter(options));
    else if (type === 'histogram') histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
    else gauges.set(name, new Gauge(options));
  }
  const set = <Name extends GaugeName>({ name, labels, value }: Sample<Name>): void =>
    gauges.get(name)?.set(labels, value);
  const sources: Source[] = [{ name: 'process', read: () => [buildInfo(role)] }];
  const collect = async (): Promise<string> => {
    const found = await Promise.all(sources.map(ask));
    clear(gauges);
    for (const { name, samples } of found) {
      set({ name: 'igc_source_up', labels: { source: name }, value: samples === undefined ? 0 : 1 });
      for (const sample of samples ?? []) set(sample);
    }
    return registry.metrics();
  };
  let underWay: Promise<string> | undefined;
  return {
    meter: meterOn({
      count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
      observe: (name, labels, seconds) => histograms.get(name)?.observe(labels, seconds),
    }),
    contentType: registry.contentType,
    add: (source) => void sources.push(source),
    scrape() {
      underWay ??= collect().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

/** What nobody says any more is absent, never an old value and never 0. */
function clear(gauges: ReadonlyMap<string, Gauge<string>>): void {
  for (const [name, gauge] of gauges) {
    if (CATALOGUE[name as GaugeName].labels.length === 0) gauge.remove({});
    else gauge.reset();
  }
}

type Instruments = {
  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, seconds: number): void;
};

const meterOn = ({ count, observe }: Instruments): Meter => ({
  issuanceStep: (step, seconds) => observe('igc_issuance_step_duration_seconds', { step }, seconds),
  issuance: (profile, outcome, code = undefined) =>
    count('igc_issuances_total', { profile, outcome, code: code ?? '' }),
  recovered: (kind, by) => count('igc_recovered_total', { kind }, by),
  ocspAnswer: (status, seconds) => observe('igc_ocsp_answer_duration_seconds', { status }, seconds),
  httpRequest(operation, status, seconds) {
    count('igc_http_requests_total', { operation, status: String(status) });
    observe('igc_http_request_duration_seconds', { operation }, seconds);
  },
  signature: (outcome, seconds) => observe('igc_signature_duration_seconds', { outcome }, seconds),
  tlsRenewal: (outcome) => count('igc_api_certificate_renewals_total', { outcome }),
  noticeMail: (outcome) => count('igc_notice_mails_total', { outcome }),
  webhookDelivery: (outcome, by) => count('igc_webhook_deliveries_total', { outcome }, by),
});

/** What a part says, or undefined when it fails or takes too long. */
async function ask({ name, read }: Source): Promise<{ name: string; samples: readonly Sample[] | undefined }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), SOURCE_MS);
  });
  try {
    return { name, samples: await Promise.race([(async () => read())(), late]) };
  } catch {
    return { name, samples: undefined };
  } finally {
    clearTimeout(timer);
  }
}

const PACKAGE = new URL('../../package.json', import.meta.url);

function buildInfo(role: RoleWithMetrics): Sample<'igc_build_info'> {
  const { version }: { version: string } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  return { name: 'igc_build_info', labels: { version, role }, value: 1 };
}
