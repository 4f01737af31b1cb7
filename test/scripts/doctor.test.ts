import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordAlarm } from '#db/alarms.ts';
import { checkApiCertificate } from '../../scripts/commands/checks-here.ts';
import { checkAlarms, checkBacklogs, checkClock, checkCrls } from '../../scripts/commands/checks-service.ts';
import { loadConfig } from '../../src/config.ts';
import { readApiTls } from '../../src/roles/api-tls.ts';
import { writeApiCertificate } from '../helpers/cast.ts';
import { prepareService, type Service, until } from '../helpers/service.ts';
import { type Ran, runHere } from './run-igc.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let service: Service;
const igc = (...args: string[]): Promise<Ran> => runHere(service.environment, ...args);

beforeAll(async () => {
  service = await prepareService();
  await service.igc('hierarchy', 'create');
  service.start('signer issuing');
  service.start('signer ocsp');
  await until(async () => {
    const checks = (await igc('doctor', '--json')).json();
    return checks.filter(({ check, state }) => /signer/.test(String(check)) && state === 'ok').length === 2;
  });
  await igc('crl', 'publish', 'ACI-EL-ORG-TEST');
}, 300_000);
afterAll(() => service.stop());

describe('igc doctor', () => {
  const states = async (more: Record<string, string> = {}) => {
    const ran = await runHere({ ...service.environment, ...more }, 'doctor', '--json');
    return { code: ran.code, of: Object.fromEntries(ran.json().map(({ check, state }) => [check, state])) };
  };

  test('what works is ok, what is missing fails with a remedy, and the exit code is 5', async () => {
    const { code, of } = await states();
    expect(code).toBe(5);
    expect(of).toMatchObject({
      node: 'ok',
      configuration: 'ok',
      policies: 'ok',
      'secret files': 'ok',
      'hierarchy directory': 'ok',
      database: 'ok',
      'hierarchy in the database': 'ok',
      clock: 'ok',
      'issuing signer': 'ok',
      'OCSP signer': 'ok',
      'CRL ACR-EL-TEST': 'ok',
      'CRL ACI-EL-ORG-TEST': 'ok',
      'CRL ACI-EL-PP-TEST': 'fail',
      'OCSP responder ACI-EL-ORG-TEST': 'fail',
      outbox: 'ok',
      alarms: 'ok',
      observer: 'ok',
      mail: 'ok',
    });
    expect((await igc('doctor')).stdout).toMatch(/^fail {2}CRL ACI-EL-PP-TEST .*\n {6}→ start the worker/m);
  });

  test.each<[string, Record<string, string>, string]>([
    ['an environment with a wrong value', { SIGNING_DEADLINE_MS: 'soon' }, 'configuration'],
    ['policies that are not there', { POLICIES_DIRECTORY: '/nowhere' }, 'policies'],
    ['a hierarchy that was not created', { HIERARCHY_DIRECTORY: '/nowhere' }, 'hierarchy directory'],
    ['a database that is away', { DATABASE_URL: 'postgresql://igc@127.0.0.1:1/igc' }, 'database'],
    ['a signer that is away', { SIGNER_SOCKETS: '/nowhere' }, 'issuing signer'],
  ])('%s fails at its own line', async (_, environment, check) => {
    const { code, of } = await states(environment);
    expect([code, of[check]]).toEqual([5, 'fail']);
  });

  test.each([
    [16, 'ok'],
    [14, 'warn'],
    [-1, 'fail'],
  ])('the TLS certificate of the API, %i days before its end, is %s', async (days, state) => {
    const config = loadConfig(service.environment);
    await writeApiCertificate(await service.open('operator'), service);
    const { notAfter } = readApiTls(config);
    const [check] = checkApiCertificate(config, new Date(notAfter.getTime() - days * DAY));
    expect(check?.state).toBe(state);
  });

  test('TLS files that are no pair fail', async () => {
    const config = { ...loadConfig(service.environment), API_TLS_KEY_FILE: service.hierarchy.pinFiles.ocsp };
    expect(checkApiCertificate(config, new Date()).map(({ state }) => state)).toEqual(['fail']);
  });

  test('a PIN file that others may read is a warning', async () => {
    chmodSync(service.hierarchy.pinFiles.ocsp, 0o644);
    expect((await states()).of['secret files']).toBe('warn');
  });

  test.each([
    ['ACR-EL-TEST', 29 * DAY, 'ok'],
    ['ACR-EL-TEST', 31 * DAY, 'warn'],
    ['ACR-EL-TEST', 46 * DAY, 'fail'],
    ['ACI-EL-ORG-TEST', 24 * HOUR, 'ok'],
    ['ACI-EL-ORG-TEST', 26 * HOUR, 'warn'],
    ['ACI-EL-ORG-TEST', 7 * DAY, 'fail'],
  ])('the CRL of %s, %i ms later, is %s', async (id, ms, state) => {
    const system = await service.open('operator');
    const checks = await checkCrls({ ...system, clock: () => new Date(Date.now() + ms) });
    expect(checks.find(({ check }) => check === `CRL ${id}`)?.state).toBe(state);
  });

  test.each([
    [1_000, 'ok'],
    [-10_000, 'warn'],
    [120_000, 'fail'],
  ])('a clock %i ms away from the database’s is %s', async (ms, state) => {
    const system = await service.open('operator');
    expect((await checkClock({ ...system, clock: () => new Date(Date.now() + ms) })).state).toBe(state);
  });

  test('work that nobody takes is a warning after a minute', async () => {
    const system = await service.open('operator');
    const checks = await checkBacklogs({ ...system, clock: () => new Date(Date.now() + 90_000) });
    expect(checks.map(({ check, state }) => [check, state])).toEqual([
      ['outbox', 'ok'],
      ['audit chain', 'warn'],
    ]);
  });

  test('an open alarm is a warning that names its kind, and the observer is off or on as the environment says', async () => {
    const system = await service.open('operator', { OBSERVER_URL: 'http://a', OBSERVER_OCSP_URL: 'http://b/' });
    const at = new Date();
    await recordAlarm(system.db.read, { kind: 'ocsp_wrong', subject: 'ACI-EL-ORG-TEST', detail: 'away', at });
    expect(await checkAlarms(system)).toMatchObject([
      { check: 'alarms', state: 'warn', detail: 'open: 1 ocsp_wrong' },
      { check: 'observer', detail: 'the worker fetches what the public sees; not set: OBSERVER_LDAP_URL' },
    ]);
  });
});
