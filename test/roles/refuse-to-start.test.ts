// A role that is configured wrongly ends at once, with an exit code that a supervisor knows and a text that says what to mend.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readApiTls } from '../../src/roles/api-tls.ts';
import { createDatabase, type FreshDatabase, freshDatabase } from '../helpers/database.ts';
import { told } from '../helpers/judges.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { keepOutput } from '../helpers/run-log.ts';
import { prepareService, type Service } from '../helpers/service.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const CONFIGURATION = 78;
const UNAVAILABLE = 69;
const USAGE = 64;

let service: Service;
let folder: string;
let empty: FreshDatabase;
let unmigrated: Awaited<ReturnType<typeof createDatabase>>;

beforeAll(async () => {
  service = await prepareService();
  empty = await freshDatabase();
  unmigrated = await createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'igc-policies-'));
  cpSync(join(CHECKOUT, 'policies'), join(folder, 'policies'), { recursive: true });
  const yaml = join(folder, 'policies', 'hierarchy', 'test.yaml');
  const text = readFileSync(yaml, 'utf8');
  writeFileSync(yaml, text.replace('ldap://annuaire.demo.igc-sante.fr', 'ldap://elsewhere.demo.igc-sante.fr'));
  cpSync(join(CHECKOUT, 'policies'), join(folder, 'broken'), { recursive: true });
  writeFileSync(join(folder, 'broken', 'profiles', 'serv-ssl.yaml'), 'name: serv-ssl\nissuedBy: nobody\n');
  const selfSigned = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-subj', '/CN=api'];
  for (const name of ['api', 'other'])
    await told('openssl', folder, 'req', ...selfSigned, '-keyout', `${name}.key`, '-out', `${name}.pem`);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await empty?.drop();
  await unmigrated?.drop();
  await service?.stop();
});

type End = { readonly code: number | null; readonly said: string };

/** Starts a role with the service's environment but for `changes`; an undefined value removes a variable. */
function start(role: string, changes: Readonly<Record<string, string | undefined>>): Promise<End> {
  const environment = { ...service.environment, LOG_LEVEL: 'silent', ...changes };
  const child = spawn(process.execPath, ['src/main.ts', ...role.split(' ')], {
    cwd: CHECKOUT,
    env: Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined)),
    stdio: ['ignore', 'ignore', 'pipe'],
    // one that starts after all must not outlive the test
    timeout: 50_000,
    killSignal: 'SIGKILL',
  });
  keepOutput(child, `role ${role}`, [child.stderr]);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

describe('exit code 78', { timeout: 60_000 }, () => {
  it.each([
    ['public', 'DATABASE_URL'],
    ['worker', 'SIGNER_SOCKETS'],
    ['signer issuing', 'PKCS11_MODULE'],
    ['signer ocsp', 'HIERARCHY_DIRECTORY'],
    ['all', 'ISSUING_PIN_FILE'],
  ])('%s without %s names the variable', async (role, name) => {
    const { code, said } = await start(role, { [name]: undefined });
    expect({ code, said }).toEqual({ code: CONFIGURATION, said: expect.stringContaining('configuration_invalid') });
    expect(said).toContain(`set ${name} in the environment`);
  });

  it('the production branch names every policy OID that a deployment has to state', async () => {
    const { code, said } = await start('worker', { HIERARCHY: 'production' });
    expect({ code, said }).toEqual({ code: CONFIGURATION, said: expect.stringContaining('configuration_invalid') });
    for (const profile of ['ps-sign', 'cps-auth', 'ocsp-responder']) {
      expect(said).toContain(`hierarchy/production.yaml#/policyOids/${profile}`);
    }
  });

  it('one port for the metrics of five roles says to leave it away', async () => {
    const { code, said } = await start('all', { METRICS_LISTEN: '127.0.0.1:9460' });
    expect({ code, said }).toEqual({ code: CONFIGURATION, said: expect.stringContaining('leave the port away') });
  });

  it('a hierarchy with another URL than the one that was created says what to restore', async () => {
    const { code, said } = await start('public', { POLICIES_DIRECTORY: join(folder, 'policies') });
    expect({ code, said }).toEqual({ code: CONFIGURATION, said: expect.stringContaining('hierarchy_differs') });
    expect(said).toContain('restore the file');
  });
});

describe('other ends', { timeout: 60_000 }, () => {
  it('a database that is away is 69, for the supervisor to try again', async () => {
    const away = 'postgresql://nobody@localhost/none?host=/nonexistent';
    expect(await start('public', { DATABASE_URL: away })).toEqual({
      code: UNAVAILABLE,
      said: expect.stringContaining('database is away'),
    });
  });

  it('a word that is no role is 64, with the usage', async () => {
    expect(await start('signer root', {})).toEqual({ code: USAGE, said: expect.stringContaining('usage: main.ts') });
  });
});

// What main.ts turns into exit code 78, asked without a process for each.
describe('configuration_invalid', () => {
  it.each([
    ['DATABASE_URL', 'mysql://secret@host/db'],
    ['API_LISTEN', 'secret'],
    ['SIGNING_DEADLINE_MS', '1secret'],
    ['LOG_LEVEL', 'secret'],
    ['METRICS_LISTEN', '9460 secret'],
  ])('%s of the wrong form is named, its value is not', (name, value) => {
    const { code, message } = refusalOf(() => loadConfig({ ...service.environment, [name]: value }));
    expect({ code, message }).toEqual({ code: 'configuration_invalid', message: expect.stringContaining(name) });
    expect(message).not.toContain('secret');
  });

  it('a database without tables or without a hierarchy says what to run', async () => {
    for (const url of [empty.url, unmigrated.url]) {
      const opened = service.open('worker', { DATABASE_URL: url });
      await expect(opened).rejects.toMatchObject({
        findings: [{ remedy: expect.stringContaining('igc hierarchy create') }],
      });
    }
  });

  it('a profile that is none is named with its file', async () => {
    const opened = service.open('api', { POLICIES_DIRECTORY: join(folder, 'broken') });
    await expect(opened).rejects.toMatchObject({ code: 'configuration_invalid' });
    await expect(opened).rejects.toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ at: expect.stringContaining('serv-ssl.yaml') })]),
    });
  });

  it.each([
    ['API_TLS_KEY_FILE', { API_TLS_KEY_FILE: '/nonexistent/api.key' }],
    ['API_TLS_CERTIFICATE_FILE', { API_TLS_CERTIFICATE_FILE: '/nonexistent/api.pem' }],
    ['API_TLS_KEY_FILE', { API_TLS_KEY_FILE: 'api.pem' }],
    ['API_TLS_CERTIFICATE_FILE', { API_TLS_CERTIFICATE_FILE: 'api.key' }],
    ['API_TLS_CERTIFICATE_FILE', { API_TLS_KEY_FILE: 'other.key' }],
  ])('a wrong %s is named: %o', (name, changes) => {
    const files = { API_TLS_KEY_FILE: 'api.key', API_TLS_CERTIFICATE_FILE: 'api.pem', ...changes };
    const paths = Object.entries(files).map(([variable, file]) => [variable, resolve(folder, file)]);
    const { code, findings } = refusalOf(() => readApiTls(loadConfig(Object.fromEntries(paths))));
    expect([code, findings[0]?.at]).toEqual(['configuration_invalid', name]);
  });
});
