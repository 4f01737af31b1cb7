// The metrics of the running service: every role under `all`, each on its own port of one address, asked as Prometheus asks.

import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE, METRICS_PORTS, metricsOf, type RoleWithMetrics } from '../../src/metrics/catalogue.ts';
import { fetchPublic } from '../helpers/api-client.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { type Administrator, newOrder, settleIn } from '../helpers/faults.ts';
import { prepareService, type Service, until } from '../helpers/service.ts';

/** Linux has the whole of 127/8: an address of the test's own, where nobody else uses the ports of the documentation. */
const HOST = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(2, 255)}`;
const ROLES = Object.keys(METRICS_PORTS) as RoleWithMetrics[];

let service: Service;
let administrator: Administrator;
let issued: { readonly id: string; readonly serial: string };

const fetchMetrics = (role: RoleWithMetrics, path = '/metrics', init: RequestInit = {}): Promise<Response> =>
  fetch(`http://${HOST}:${METRICS_PORTS[role]}${path}`, init);
const scrape = async (role: RoleWithMetrics): Promise<string> => (await fetchMetrics(role)).text();

/** The value of one series as it is written; undefined when there is none. */
async function value(role: RoleWithMetrics, series: string): Promise<number | undefined> {
  const line = (await scrape(role)).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

beforeAll(async () => {
  service = await prepareService({ environment: { METRICS_LISTEN: HOST } });
  await service.igc('hierarchy', 'create');
  const signer = service.start('signer issuing');
  administrator = (await settleIn(service))();
  await signer.stop();
  service.start('all');
  await until(async () => (await administrator.get('/readyz'))?.statusCode === 200);
  await until(async () => (await value('worker', 'igc_crl_number{issuer="ACI-EL-ORG-TEST"}')) === 1);
  const answer = await administrator.order(newOrder());
  expect(answer?.statusCode).toBe(201);
  issued = answer?.json<typeof issued>() ?? { id: '', serial: '' };
  const foreign = newOrder();
  await administrator.order({ ...foreign, order: { ...foreign.order, holder: { structure: '318751275100020' } } });
  await administrator.order({ ...foreign, order: { ...foreign.order, profile: 'no-such-profile' } });
}, 120_000);

afterAll(() => service?.stop());

describe('an issuance', { timeout: 60_000 }, () => {
  it('is counted by profile and outcome, and each step is timed once', async () => {
    expect(await value('api', 'igc_issuances_total{profile="org-auth-cli",outcome="issued",code=""}')).toBe(1);
    for (const step of ['decide', 'record_intent', 'sign', 'record_result'])
      expect(await value('api', `igc_issuance_step_duration_seconds_count{step="${step}"}`)).toBeGreaterThanOrEqual(1);
  });

  it('that is refused is counted with its code; a profile that nobody knows is no label', async () => {
    const refused = 'igc_issuances_total{profile="unknown",outcome="refused",code="profile_unknown"}';
    expect(await value('api', refused)).toBe(1);
    expect(await scrape('api')).not.toContain('no-such-profile');
    const foreign = 'igc_issuances_total{profile="org-auth-cli",outcome="refused",code="not_allowed"}';
    expect(await value('api', foreign)).toBe(1);
  });

  it('by the worker itself, for OCSP responders, is counted there', async () => {
    const responders = 'igc_issuances_total{profile="ocsp-responder",outcome="issued",code=""}';
    await until(async () => (await value('worker', responders)) === 6);
  });

  it('is timed in the signer, queue and transport left out', async () => {
    const signed = await value('signer issuing', 'igc_signature_duration_seconds_count{outcome="signed"}');
    expect(signed).toBeGreaterThanOrEqual(1);
  });
});

describe('gauges', { timeout: 60_000 }, () => {
  it('show each token, in its signer and in the roles that call it', async () => {
    for (const role of ['api', 'worker', 'signer issuing'] as const) {
      const text = await scrape(role);
      expect(text).toContain('igc_signer_ready{token="issuing"} 1\n');
      expect(text).toContain('igc_token_state{token="issuing",state="open"} 1\n');
      expect(text).toContain('igc_token_state{token="issuing",state="latched"} 0\n');
      expect(text).toContain('igc_signer_breaker_state{token="issuing",state="closed"} 1\n');
      expect(text).toContain('igc_token_missing_keys{token="issuing"} 0\n');
      expect(text).toContain('igc_signer_hung_calls{token="issuing"} 0\n');
    }
    expect(await value('public', 'igc_signer_ready{token="ocsp"}')).toBe(1);
  });

  it('follow a revocation to the next list: number, entries, size and times', async () => {
    const of = (metric: string) => value('worker', `${metric}{issuer="ACI-EL-ORG-TEST"}`);
    const [number = 0, entries = 0, size = 0] = [
      await of('igc_crl_number'),
      await of('igc_crl_entries'),
      await of('igc_crl_size_bytes'),
    ];
    expect((await administrator.revoke(issued.id))?.statusCode).toBe(200);
    await until(async () => (await of('igc_crl_entries')) === entries + 1);
    expect(await of('igc_crl_number')).toBeGreaterThan(number);
    expect(await of('igc_crl_size_bytes')).toBeGreaterThan(size);
    const now = Date.now() / 1_000;
    expect(Math.abs(((await of('igc_crl_this_update_timestamp_seconds')) ?? 0) - now)).toBeLessThan(60);
    expect(await of('igc_crl_next_update_timestamp_seconds')).toBeGreaterThan(now + 86_400);
  });

  it('show no backlog, no lag and free connections where all is well', async () => {
    await until(async () => (await value('worker', 'igc_audit_unsealed_rows')) === 0);
    await until(async () => (await value('worker', 'igc_outbox_rows')) === 0);
    await until(async () => (await value('worker', 'igc_certificate_store_behind_rows')) === 0);
    const followed = (await value('worker', 'igc_certificate_store_read_timestamp_seconds')) ?? 0;
    expect(Math.abs(followed - Date.now() / 1_000)).toBeLessThan(60);
    for (const name of ['notice_mails', 'webhook_deliveries'])
      expect(await value('worker', `igc_${name}_waiting`)).toBe(0);
    expect(await value('worker', 'igc_jobs_given_up')).toBe(0);
    expect(await value('public', 'igc_feed_lag_seconds')).toBeLessThan(5);
    await until(async () => (await value('public', 'igc_feed_lag_rows')) === 0);
    expect(await value('api', 'igc_database_waiting_requests')).toBe(0);
    expect(await value('api', 'igc_database_connections{state="idle"}')).toBeGreaterThanOrEqual(1);
  });

  it('say until when the TLS certificate of the API is valid', async () => {
    const notAfter = (await value('api', 'igc_api_certificate_not_after_timestamp_seconds')) ?? 0;
    expect(notAfter).toBeGreaterThan(Date.now() / 1_000 + 86_400);
  });
});

it('an OCSP answer is counted by what it says', async () => {
  const request = { type: 'application/ocsp-request', body: Buffer.from('no request') };
  expect((await fetchPublic(service, 'http://igc.demo.igc-sante.fr/', request)).statusCode).toBe(200);
  expect(await value('public', 'igc_ocsp_answer_duration_seconds_count{status="malformedRequest"}')).toBe(1);
});

describe('the listener', () => {
  it.each(ROLES)('of %s gives what the catalogue says of this role, and the facts of its process', async (role) => {
    const response = await fetchMetrics(role);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    const ours = [...text.matchAll(/^# TYPE (igc_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]);
    expect(ours).toEqual(metricsOf(role).map((name) => [name, CATALOGUE[name].type]));
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(text).toMatch(new RegExp(`^igc_build_info{version="[0-9.]+",role="${role}"} 1$`, 'm'));
    expect(text).not.toMatch(/^igc_source_up.* 0$/m);
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/v1/certificates', 404],
    ['GET', '/readyz', 404],
    ['POST', '/metrics', 405],
    ['HEAD', '/metrics', 200],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect((await fetchMetrics('api', path, { method })).status).toBe(status);
  });

  it('is the only one: neither the API nor the public role knows /metrics', async () => {
    expect((await administrator.get('/metrics'))?.statusCode).toBe(404);
    expect((await fetchPublic(service, 'http://igc.demo.igc-sante.fr/metrics')).statusCode).toBe(404);
  });

  it.each(ROLES)('of %s names no serial, no certificate, no structure and nobody', async (role) => {
    const text = await scrape(role);
    expect(text.toLowerCase()).not.toContain(issued.serial.toLowerCase());
    for (const word of [issued.id, HOSPITAL.structIdNat, HOSPITAL.name, '899700075064', 'DURAND', '127.0.0.1'])
      expect(text).not.toContain(word);
  });
});
