// What the operators do in the demo, with igc: the hierarchy, the structures, the API's own certificate, and people's cards.

import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { igc } from './children.ts';
import { openssl } from './openssl.ts';
import type { KeyType } from './orders.ts';
import { EMPLOYEE, MIDWIFE } from './people.ts';
import { API_HOST, COMPANY, file, HOSPITAL, LOGIN_CARD, type Made, type Stage } from './stage.ts';

const AGENCY = { id: '318751275100020', name: 'AGENCE DU NUMERIQUE EN SANTE', department: '75' };
const CARDS = {
  'cps-auth': [
    ...['--id-nat-ps', MIDWIFE.idNatPs, '--profession', String(MIDWIFE.profession)],
    ...['--family-name', MIDWIFE.familyName, '--given-name', MIDWIFE.givenName],
    ...['--card-number', '8025000001/2800000017'],
  ],
  'cpe-auth': [
    ...['--structure', HOSPITAL.id, '--registry-number', EMPLOYEE.registryNumber],
    ...['--family-name', EMPLOYEE.familyName, '--given-name', EMPLOYEE.givenName],
    ...['--card-number', '8025000001/2600000025'],
  ],
};

/** The nine CAs and the database's tables; safe to repeat. The certificates go where openssl and curl look for them. */
export async function createHierarchy({ directory, environment }: Stage): Promise<void> {
  await igc(environment, 'hierarchy', 'create', '--generate-pins');
  const source = environment.HIERARCHY_DIRECTORY ?? '';
  const names = readdirSync(source).filter((name) => name.endsWith('.cer'));
  for (const name of names) copyFileSync(join(source, name), join(directory, 'ca', name));
  const roots = names.filter((name) => name.startsWith('ACR-')).sort();
  const texts = await Promise.all(
    roots.map(async (name) => (await openssl('x509', '-in', join(directory, 'ca', name), '-outform', 'PEM')).data),
  );
  writeFileSync(join(directory, 'ca', 'roots.pem'), texts.join(''));
}

/** The agency, which runs the API, and those for whom certificates are ordered. */
export async function addStructures({ environment }: Stage): Promise<void> {
  await Promise.all(
    [AGENCY, HOSPITAL, COMPANY].map(({ id, name, department }) =>
      igc(environment, 'structure', 'add', '--id', id, '--name', name, '--department', department),
    ),
  );
}

/** The API's own TLS certificate is one of ours: an operator orders it before the API can start. */
export async function issueApiCertificate({ environment }: Stage): Promise<void> {
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = environment;
  await igc(
    environment,
    ...['certificate', 'issue', 'serv-ssl', '--structure', AGENCY.id, '--dns', API_HOST],
    ...['--new-key', API_TLS_KEY_FILE, '--out', API_TLS_CERTIFICATE_FILE],
  );
}

const NEW_KEY: Readonly<Record<KeyType, readonly string[]>> = {
  'RSA-2048': ['-newkey', 'rsa:2048'],
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
};

type Wanted = { readonly profile: string; readonly subject: string; readonly keyType?: KeyType };

/** A key pair and a PKCS #10 request made by openssl; gives the request's file. */
export async function makeRequest(stage: Stage, { profile, subject, keyType }: Wanted): Promise<string> {
  const request = file(stage, 'requests', `${profile}.csr`);
  const key = file(stage, 'keys', `${profile}.key`);
  await openssl(
    ...['req', '-new', ...NEW_KEY[keyType ?? 'RSA-2048'], '-noenc', '-keyout', key],
    ...['-subj', subject, '-utf8', '-out', request],
  );
  chmodSync(key, 0o600);
  return request;
}

/** The card certificates of a professional and of an employee. */
export const issueCards = (stage: Stage): Promise<readonly Made[]> =>
  Promise.all([issueCard(stage, 'cps-auth'), issueCard(stage, 'cpe-auth')]);

/** The name in the request is ignored, for the operator says who it is. */
async function issueCard(stage: Stage, profile: keyof typeof CARDS): Promise<Made> {
  const csr = await makeRequest(stage, { profile, subject: '/CN=ignored' });
  const out = file(stage, 'certificates', `${profile}.pem`);
  const answer = await igc(
    stage.environment,
    ...['certificate', 'issue', profile, '--csr', csr, ...CARDS[profile], '--out', out, '--json'],
  );
  return madeOf(profile, answer);
}

/** The holder of the login card may order for the hospital and the company from now on. */
export async function addAdministrator(stage: Stage): Promise<void> {
  const card = file(stage, 'certificates', `${LOGIN_CARD}.pem`);
  const structures = [HOSPITAL, COMPANY].flatMap(({ id }) => ['--structure', id]);
  await igc(stage.environment, 'administrator', 'add', '--certificate', card, ...structures);
}

/** The facts in a JSON document of igc or of the API about a certificate that was just issued. */
export function madeOf(profile: string, json: string): Made {
  const document: { serial: string; issuer: string; certificate: string } = JSON.parse(json);
  const der = Buffer.from(document.certificate.replace(/-----[^-]+-----/g, ''), 'base64');
  const sha256 = createHash('sha256').update(der).digest('hex');
  return { profile, serial: document.serial, issuer: document.issuer, sha256, status: 'good' };
}
