// What `igc doctor` sees without a database: this machine, its files, and the policies they were made for. Nothing is changed.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFile } from '../../src/ca/create-hierarchy.ts';
import type { Config } from '../../src/config.ts';
import { Refusal } from '../../src/errors.ts';
import { hierarchyDigest } from '../../src/policy/hierarchy.ts';
import type { Policies } from '../../src/policy/load.ts';
import { readApiTls } from '../../src/roles/api-tls.ts';
import { readFileIfThere } from './ceremony.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The Node that runs this, against the floor of package.json. */
export function checkNode(version: string = process.versions.node): Check {
  const floor = [24, 21, 0];
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const behind =
    [major - (floor[0] ?? 0), minor - (floor[1] ?? 0), patch - (floor[2] ?? 0)].find(
      (difference) => difference !== 0,
    ) ?? 0;
  return behind >= 0
    ? ok('node', version)
    : fail('node', version, `use Node ${floor.join('.')} or later: earlier ones accept clients without a certificate`);
}

/** PIN files and private keys that others could read. */
export function checkSecretFiles(config: Config): readonly Check[] {
  const paths = (
    ['ROOT_PIN_FILE', 'ISSUING_PIN_FILE', 'OCSP_PIN_FILE', 'API_TLS_KEY_FILE', 'LDAP_PASSWORD_FILE'] as const
  ).flatMap((name) => {
    const path = config[name];
    return path === undefined || !existsSync(path) ? [] : [[name, path] as const];
  });
  const open = paths.filter(([, path]) => (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0) return [ok('secret files', `${paths.length} here, for their owner only`)];
  return open.map(([name, path]) => warn('secret files', `${name}: others may read ${path}`, `chmod 600 ${path}`));
}

const DAY = 86_400_000;
/** Long enough to renew it by hand; the api role takes new files while it runs. */
const API_CERTIFICATE_NOTICE_MS = 15 * DAY;

/** The API's TLS files, where this machine has them: whole, for one another, and for how long still. */
export function checkApiCertificate(config: Config, now: Date): readonly Check[] {
  const check = 'API certificate';
  const remedy =
    'make both files anew with `igc certificate issue serv-ssl --new-key … --out …`; the api role takes them';
  if (config.API_TLS_CERTIFICATE_FILE === undefined || config.API_TLS_KEY_FILE === undefined) return [];
  try {
    const { notAfter } = readApiTls(config);
    const left = notAfter.getTime() - now.getTime();
    const detail = `valid until ${notAfter.toISOString()}`;
    if (left <= 0) return [fail(check, `${detail}: expired`, remedy)];
    return [left < API_CERTIFICATE_NOTICE_MS ? warn(check, detail, remedy) : ok(check, detail)];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [fail(check, `${error.message}: ${error.findings[0]?.detail ?? ''}`, remedy)];
  }
}

/** HIERARCHY_DIRECTORY against the policies: begun for them, and complete. */
export function checkDirectory(config: Config, { hierarchy }: Policies): Check {
  const directory = config.HIERARCHY_DIRECTORY;
  const remedy = 'run `igc hierarchy create`';
  if (directory === undefined)
    return warn('hierarchy directory', 'HIERARCHY_DIRECTORY is not set', 'set it where signers and ceremonies run');
  const claim = join(directory, 'hierarchy.json');
  if (!existsSync(claim)) return fail('hierarchy directory', `${directory} holds no hierarchy`, remedy);
  const { digest } = JSON.parse(readFileSync(claim, 'utf8')) as { digest?: unknown };
  if (digest !== hierarchyDigest(hierarchy))
    return fail('hierarchy directory', 'it was begun for other policies', 'restore policies/hierarchy as it was');
  const missing = hierarchy.authorities.filter(
    ({ id }) => readFileIfThere(certificateFile(directory, id)) === undefined,
  );
  if (missing.length > 0)
    return fail('hierarchy directory', `no certificate of ${missing.map(({ id }) => id).join(', ')}`, remedy);
  return ok('hierarchy directory', `${hierarchy.authorities.length} authorities of ${hierarchy.name}`);
}
