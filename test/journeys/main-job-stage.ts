// The stage of the main job: the whole service with its people, set up by an operator's commands alone, and the folder in which
// openssl and gnutls judge what comes out of it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiClient, createApiClient, fetchPublic } from '../helpers/api-client.ts';
import { AGENCY, API_HOST, DURAND, HOSPITAL } from '../helpers/cast.ts';
import { ask, told } from '../helpers/judges.ts';
import { prepareService, type RunningRole, type Service, until, untilListening } from '../helpers/service.ts';

const ROOTS = ['ACR-FO-TEST', 'ACR-ST-TEST', 'ACR-EL-TEST'];
export const INTERMEDIATES = ['FO-ORG', 'FO-PP', 'ST-ORG', 'ST-PP', 'EL-ORG', 'EL-PP'].map((id) => `ACI-${id}-TEST`);
const CARD_NUMBER = '8025000001/2800636234';

export const NEW_KEY = {
  'RSA-2048': ['-newkey', 'rsa:2048'],
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
} as const;
export type KeyKind = keyof typeof NEW_KEY;

export type Stage = {
  readonly service: Service;
  /** shows the card of the hospital's technical administrator: `card.pem`, `card.key` */
  readonly api: ApiClient;
  readonly roles: readonly RunningRole[];
  /** where judges read and write: `<CA>.cer`, `<CA>.crl`, `roots.pem`, `intermediates.pem`, `crls.pem`, `employee.pem` */
  readonly folder: string;
  file(name: string): string;
  write(name: string, content: Uint8Array | string): void;
  openssl(...args: readonly string[]): Promise<string>;
  /** a new key and a request for it, both made by openssl: `<name>.key` and `<name>.csr` */
  request(name: string, kind: KeyKind, ...more: readonly string[]): Promise<void>;
  /** what openssl says of a question to the running responder, whatever the answer */
  askOcsp(issuer: string, ...args: readonly string[]): Promise<string>;
};

export const crlUrl = (id: string): string => `http://igc.demo.igc-sante.fr/CRL/${id}.crl`;

/** Sets everything up; takes as long as a dozen processes need to start. */
export async function openStage(): Promise<Stage> {
  const service = await prepareService({ environment: { LOG_LEVEL: 'debug' } });
  try {
    return await furnish(service);
  } catch (error) {
    await service.stop();
    throw error;
  }
}

async function furnish(service: Service): Promise<Stage> {
  const folder = join(service.directory, 'judged');
  mkdirSync(folder);
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): Promise<string> => told('openssl', folder, ...args);
  const base = {
    ...{ service, folder, file, openssl },
    write: (name: string, content: Uint8Array | string) => writeFileSync(file(name), content),
    async request(name: string, kind: KeyKind, ...more: readonly string[]) {
      const files = ['-noenc', '-keyout', `${name}.key`, '-out', `${name}.csr`];
      await openssl('req', '-new', ...NEW_KEY[kind], ...files, ...more);
    },
    async askOcsp(issuer: string, ...args: readonly string[]) {
      const trust = ['-CAfile', 'roots.pem', '-verify_other', 'intermediates.pem'];
      const url = `http://127.0.0.1:${service.publicPort}/`;
      return (await ask('openssl', folder, ['ocsp', '-url', url, '-issuer', issuer, ...args, ...trust])).said;
    },
  };
  await service.igc('hierarchy', 'create');
  const first = (['signer issuing', 'signer ocsp', 'worker'] as const).map((role) => service.start(role));
  await addStructures(service);
  const roles = [...first, service.start('public'), service.start('api')];
  await issueCards(base);
  const api = createApiClient(service, {
    key: readFileSync(file('card.key'), 'utf8'),
    cert: readFileSync(file('card.pem'), 'utf8'),
  });
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
  await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
  await fetchHierarchy(base);
  return { ...base, api, roles };
}

type Base = Omit<Stage, 'api' | 'roles'>;

/** The structures, and the API's own certificate in the name of one of them. */
async function addStructures(service: Service): Promise<void> {
  for (const { structIdNat, name, department } of [HOSPITAL, AGENCY])
    await service.igc('structure', 'add', '--id', structIdNat, '--name', name, '--department', department);
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = service.environment;
  await service.igc(
    ...['certificate', 'issue', 'serv-ssl', '--structure', AGENCY.structIdNat, '--dns', API_HOST],
    ...['--new-key', API_TLS_KEY_FILE, '--out', API_TLS_CERTIFICATE_FILE],
  );
}

/** A card for the technical administrator, and one for an employee who is none. */
async function issueCards({ service, file, request }: Base): Promise<void> {
  await request('card', 'RSA-2048', '-subj', '/CN=whatever');
  await service.igc(
    ...['certificate', 'issue', 'cps-auth', '--csr', file('card.csr'), '--out', file('card.pem')],
    ...['--id-nat-ps', DURAND, '--family-name', 'DURAND', '--given-name', 'Anne', '--profession', '10'],
    ...['--card-number', CARD_NUMBER],
  );
  await service.igc('administrator', 'add', '--certificate', file('card.pem'), '--structure', HOSPITAL.structIdNat);
  await request('employee', 'RSA-2048', '-subj', '/CN=whatever');
  await service.igc(
    ...['certificate', 'issue', 'cpe-auth', '--csr', file('employee.csr'), '--out', file('employee.pem')],
    ...['--structure', HOSPITAL.structIdNat, '--registry-number', 'CPET0002', '--family-name', 'MARTIN'],
    ...['--given-name', 'Paul', '--card-number', CARD_NUMBER],
  );
}

/** Everything that a relying party fetches beforehand: CA certificates and CRLs, under their URLs. */
async function fetchHierarchy({ service, write, openssl }: Base): Promise<void> {
  const authorities: string[] = [];
  const lists: string[] = [];
  for (const id of [...ROOTS, ...INTERMEDIATES]) {
    write(`${id}.cer`, (await fetchPublic(service, `http://igc.demo.igc-sante.fr/AC%20TEST/${id}.cer`)).body);
    authorities.push(await openssl('x509', '-inform', 'DER', '-in', `${id}.cer`));
    await until(async () => (await fetchPublic(service, crlUrl(id))).statusCode === 200);
    write(`${id}.crl`, (await fetchPublic(service, crlUrl(id))).body);
    lists.push(await openssl('crl', '-inform', 'DER', '-in', `${id}.crl`));
  }
  write('roots.pem', authorities.slice(0, ROOTS.length).join(''));
  write('intermediates.pem', authorities.slice(ROOTS.length).join(''));
  write('crls.pem', lists.join(''));
}
