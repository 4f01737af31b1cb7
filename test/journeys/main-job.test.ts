// The main job from end to end on real parts: an operator issues a card, its holder orders certificates over mutual TLS, everyone
// can see what became of them, and openssl and gnutls believe all of it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { expectInContract } from '../api/fake-use-cases.ts';
import {
  type Answer,
  type ApiClient,
  type CertificateDocument,
  createApiClient,
  fetchPublic,
} from '../helpers/api-client.ts';
import { AGENCY, API_HOST, DURAND, HOSPITAL } from '../helpers/cast.ts';
import { ask, told } from '../helpers/judges.ts';
import { prepareService, type Service, until, untilListening } from '../helpers/service.ts';

const CARD_NUMBER = '8025000001/2800636234';
const INTERMEDIATES = ['FO-ORG', 'FO-PP', 'ST-ORG', 'ST-PP', 'EL-ORG', 'EL-PP'].map((name) => `ACI-${name}-TEST`);
const ROOTS = ['ACR-FO-TEST', 'ACR-ST-TEST', 'ACR-EL-TEST'];
const NEW_KEY = {
  'RSA-2048': ['-newkey', 'rsa:2048'],
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
} as const;
type KeyKind = keyof typeof NEW_KEY;

let service: Service;
let api: ApiClient;
/** where judges read and write */
let folder: string;

const openssl = (...args: string[]): Promise<string> => told('openssl', folder, ...args);
const file = (name: string): string => join(folder, name);

/** A new key and a request for it, both made by openssl: `<name>.key` and `<name>.csr`. */
const request = (name: string, kind: KeyKind, ...more: string[]): Promise<string> =>
  openssl('req', '-new', ...NEW_KEY[kind], '-noenc', '-keyout', `${name}.key`, '-out', `${name}.csr`, ...more);

beforeAll(async () => {
  service = await prepareService();
  folder = join(service.directory, 'judged');
  mkdirSync(folder);
  await service.igc('hierarchy', 'create');
  service.start('signer issuing');
  service.start('signer ocsp');
  service.start('worker');
  for (const { structIdNat, name, department } of [HOSPITAL, AGENCY])
    await service.igc('structure', 'add', '--id', structIdNat, '--name', name, '--department', department);
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = service.environment;
  await service.igc(
    ...['certificate', 'issue', 'serv-ssl', '--structure', AGENCY.structIdNat, '--dns', API_HOST],
    ...['--new-key', API_TLS_KEY_FILE, '--out', API_TLS_CERTIFICATE_FILE],
  );
  service.start('public');
  service.start('api');
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
  api = createApiClient(service, {
    key: readFileSync(file('card.key'), 'utf8'),
    cert: readFileSync(file('card.pem'), 'utf8'),
  });
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
  await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
  await fetchHierarchy();
}, 120_000);

afterAll(() => service?.stop());

/** Everything that a relying party fetches beforehand: CA certificates and CRLs, under their URLs. */
async function fetchHierarchy(): Promise<void> {
  const authorities: string[] = [];
  const lists: string[] = [];
  for (const id of [...ROOTS, ...INTERMEDIATES]) {
    const certificate = await fetchPublic(service, `http://igc.demo.igc-sante.fr/AC%20TEST/${id}.cer`);
    writeFileSync(file(`${id}.cer`), certificate.body);
    authorities.push(await openssl('x509', '-inform', 'DER', '-in', `${id}.cer`));
    await until(async () => (await fetchPublic(service, crlUrl(id))).statusCode === 200);
    writeFileSync(file(`${id}.crl`), (await fetchPublic(service, crlUrl(id))).body);
    lists.push(await openssl('crl', '-inform', 'DER', '-in', `${id}.crl`));
  }
  writeFileSync(file('roots.pem'), authorities.slice(0, ROOTS.length).join(''));
  writeFileSync(file('intermediates.pem'), authorities.slice(ROOTS.length).join(''));
  writeFileSync(file('crls.pem'), lists.join(''));
}

const crlUrl = (id: string): string => `http://igc.demo.igc-sante.fr/CRL/${id}.crl`;

describe('an order', () => {
  const KINDS: readonly KeyKind[] = ['RSA-2048', 'P-256', 'P-384'];
  const orders = ['serv-ssl', 'org-auth-cli'].flatMap((profile) =>
    KINDS.flatMap((kind) => (['JSON', 'PKCS#10'] as const).map((form) => [profile, kind, form] as const)),
  );

  it.each(orders)(
    'of %s with a %s key as %s is answered with a certificate that openssl and gnutls believe',
    async (profile, kind, form) => {
      const name = `${profile}-${kind}-${form === 'JSON' ? 'json' : 'pkcs10'}`;
      const answer = await order(name, profile, kind, form);
      expect(answer.statusCode, answer.body.toString()).toBe(201);
      expectInContract('orderCertificate', answer);
      const document = answer.json<CertificateDocument>();
      expect(answer.headers.location).toBe(document.links.self);
      await judgeRepresentations(name, document);
      await judgeKey(name);
    },
  );

  async function order(name: string, profile: string, kind: KeyKind, form: 'JSON' | 'PKCS#10'): Promise<Answer> {
    const host = `${name.toLowerCase()}.hopital-generique.fr`;
    await request(
      name,
      kind,
      '-subj',
      `/CN=${host}`,
      ...(profile === 'serv-ssl' ? ['-addext', `subjectAltName=DNS:${host}`] : []),
    );
    if (form === 'JSON')
      return api.order({
        profile,
        holder: { structure: HOSPITAL.structIdNat },
        csr: readFileSync(file(`${name}.csr`), 'utf8'),
      });
    await openssl('req', '-in', `${name}.csr`, '-outform', 'DER', '-out', `${name}.der`);
    return api.call('POST', `/v1/certificates?profile=${profile}&structure=${HOSPITAL.structIdNat}`, {
      body: readFileSync(file(`${name}.der`)),
      headers: { 'content-type': 'application/pkcs10' },
    });
  }

  /** The four media types are four forms of one certificate. */
  async function judgeRepresentations(
    name: string,
    { links, serial, certificate, chain }: CertificateDocument,
  ): Promise<void> {
    const get = async (accept: string): Promise<Answer> => {
      const answer = await api.call('GET', links.self, { headers: { accept } });
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, expect.stringContaining(accept)]);
      expectInContract('findCertificate', answer);
      return answer;
    };
    expect((await get('application/json')).json<CertificateDocument>().certificate).toBe(certificate);
    writeFileSync(file(`${name}.cer`), (await get('application/pkix-cert')).body);
    writeFileSync(file(`${name}.pem`), (await get('application/pem-certificate-chain')).body);
    writeFileSync(file(`${name}.p7c`), (await get('application/pkcs7-mime')).body);
    expect(readFileSync(file(`${name}.pem`), 'utf8')).toBe(certificate + chain.join(''));
    expect(await openssl('x509', '-inform', 'DER', '-in', `${name}.cer`)).toBe(certificate);
    const bag = await openssl('pkcs7', '-inform', 'DER', '-in', `${name}.p7c`, '-print_certs');
    for (const pem of [certificate, ...chain]) expect(bag).toContain(pem.trim());
    expect(bag.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect((await openssl('x509', '-in', `${name}.pem`, '-noout', '-serial')).toLowerCase()).toBe(`serial=${serial}\n`);
    const verdict = await openssl(
      'verify',
      '-x509_strict',
      '-crl_check_all',
      '-CAfile',
      'roots.pem',
      '-untrusted',
      'intermediates.pem',
      '-CRLfile',
      'crls.pem',
      `${name}.cer`,
    );
    expect(verdict).toContain('OK');
    expect(
      await told('certtool', folder, '--verify', '--infile', `${name}.pem`, '--load-ca-certificate', 'roots.pem'),
    ).toContain('Chain verification output: Verified');
  }

  /** The certificate is for the key of the request. */
  async function judgeKey(name: string): Promise<void> {
    const certified = await openssl('x509', '-in', `${name}.pem`, '-noout', '-pubkey');
    expect(certified).toBe(await openssl('pkey', '-in', `${name}.key`, '-pubout'));
  }
});

describe('the URLs in a certificate', () => {
  const CERTIFICATES = [
    ['serv-ssl', 'serv-ssl-P-256-json.pem', 'ACI-EL-ORG-TEST'],
    ['org-auth-cli', 'org-auth-cli-P-256-json.pem', 'ACI-EL-ORG-TEST'],
    ['cps-auth', 'card.pem', 'ACI-FO-PP-TEST'],
    ['cpe-auth', 'employee.pem', 'ACI-ST-PP-TEST'],
  ] as const;

  const urlsOf = async (name: string): Promise<string[]> => {
    const text = await openssl('x509', '-in', name, '-noout', '-text');
    return [...text.matchAll(/URI:(\S+)/g)].map(([, url = '']) => url);
  };

  it.each(CERTIFICATES)('of %s answer with its issuer, its list and its status', async (_profile, name, issuer) => {
    const [list = '', directory, delta, ocsp = '', authority = '', ...more] = await urlsOf(name);
    expect([directory, delta].map((url) => new URL(url ?? '').protocol)).toEqual(['ldap:', 'ldap:']);
    expect(more).toEqual([]);
    await judgeList(list, issuer);
    await judgeIssuer(authority, name, issuer);
    await openssl('ocsp', '-issuer', `${issuer}.cer`, '-cert', name, '-no_nonce', '-reqout', 'request.der');
    const body = readFileSync(file('request.der'));
    const answer = await fetchPublic(service, ocsp, { type: 'application/ocsp-request', body });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    writeFileSync(file('response.der'), answer.body);
    expect(await readOcsp('response.der', issuer, name)).toContain(`${name}: good`);
  });

  it.each(INTERMEDIATES)('of %s answer with the list of its root', async (id) => {
    const text = await openssl('x509', '-in', `${id}.cer`, '-inform', 'DER', '-noout', '-text');
    const points = text.slice(text.indexOf('CRL Distribution Points'));
    const [list = '', directory = ''] = [...points.matchAll(/URI:(\S+)/g)].map(([, url = '']) => url);
    expect(directory).toMatch(/^ldap:/);
    await judgeList(list, `${id.replace('ACI', 'ACR').replace(/-(ORG|PP)-/, '-')}`);
  });

  async function judgeList(url: string, issuer: string): Promise<void> {
    const answer = await fetchPublic(service, url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkix-crl']);
    expect(answer.headers['cache-control']).toMatch(/max-age=\d+/);
    writeFileSync(file('list.crl'), answer.body);
    await openssl('x509', '-inform', 'DER', '-in', `${issuer}.cer`, '-out', 'issuer.pem');
    const verdict = await ask('openssl', folder, [
      'crl',
      '-inform',
      'DER',
      '-in',
      'list.crl',
      '-CAfile',
      'issuer.pem',
      '-noout',
    ]);
    expect(verdict.said).toContain('verify OK');
    await told('certtool', folder, '--crl-info', '--inder', '--infile', 'list.crl');
  }

  async function judgeIssuer(url: string, name: string, issuer: string): Promise<void> {
    const answer = await fetchPublic(service, url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkix-cert']);
    writeFileSync(file('issuer.cer'), answer.body);
    expect(answer.body).toEqual(readFileSync(join(service.hierarchy.directory, `${issuer}.cer`)));
    await openssl('x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem');
    expect(await openssl('verify', '-partial_chain', '-trusted', 'issuer.pem', name)).toContain('OK');
  }
});

it('the chain file holds the nine authorities', async () => {
  const answer = await fetchPublic(
    service,
    'http://igc.demo.igc-sante.fr/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b',
  );
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkcs7-mime']);
  writeFileSync(file('chain.p7b'), answer.body);
  const bag = await openssl('pkcs7', '-inform', 'DER', '-in', 'chain.p7b', '-print_certs');
  const expected = readFileSync(file('roots.pem'), 'utf8') + readFileSync(file('intermediates.pem'), 'utf8');
  expect(certificatesIn(bag).sort()).toEqual(certificatesIn(expected).sort());
});

const certificatesIn = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** What openssl says of a kept response: who signed it, and the status of one certificate. */
async function readOcsp(response: string, issuer: string, certificate: string): Promise<string> {
  const trust = ['-CAfile', 'roots.pem', '-verify_other', 'intermediates.pem', '-no_nonce'];
  const said = await openssl('ocsp', '-respin', response, '-issuer', `${issuer}.cer`, '-cert', certificate, ...trust);
  expect(said).toContain('Response verify OK');
  return said;
}

/** Asks the running responder as openssl does. */
async function askOcsp(issuer: string, ...args: string[]): Promise<string> {
  const trust = ['-CAfile', 'roots.pem', '-verify_other', 'intermediates.pem'];
  const url = `http://127.0.0.1:${service.publicPort}/`;
  const { said } = await ask('openssl', folder, ['ocsp', '-url', url, '-issuer', issuer, ...args, ...trust]);
  return said;
}

it('a revocation shows in OCSP and in the list, to openssl and to gnutls', async () => {
  await request('revoked', 'P-256', '-subj', '/CN=a service that ends');
  const csr = readFileSync(file('revoked.csr'), 'utf8');
  const ordered = await api.order({ profile: 'org-auth-cli', holder: { structure: HOSPITAL.structIdNat }, csr });
  const { id, certificate, serial } = ordered.json<CertificateDocument>();
  writeFileSync(file('revoked.pem'), certificate);
  // OCSP is authoritative as soon as issuance answers
  expect(await askOcsp('ACI-EL-ORG-TEST.cer', '-cert', 'revoked.pem')).toMatch(
    /Response verify OK\n.*revoked.pem: good/s,
  );
  expect(await askGnutls()).toContain('Certificate Status: good');

  const revoked = await api.revoke(id, 'cessationOfOperation');
  expect(revoked.statusCode).toBe(200);
  expectInContract('revokeCertificate', revoked);
  await until(async () =>
    (await askOcsp('ACI-EL-ORG-TEST.cer', '-cert', 'revoked.pem')).includes('revoked.pem: revoked'),
  );
  expect(await askGnutls()).toContain('Certificate Status: revoked');

  await until(async () => {
    writeFileSync(file('after.crl'), (await fetchPublic(service, crlUrl('ACI-EL-ORG-TEST'))).body);
    const list = await openssl('crl', '-inform', 'DER', '-in', 'after.crl', '-noout', '-text');
    return list.toLowerCase().includes(`serial number: ${serial}`);
  });
  await openssl('crl', '-inform', 'DER', '-in', 'after.crl', '-out', 'after.pem');
  const verify = [
    '-x509_strict',
    '-crl_check',
    '-CAfile',
    'roots.pem',
    '-untrusted',
    'intermediates.pem',
    '-CRLfile',
    'after.pem',
  ];
  expect((await ask('openssl', folder, ['verify', ...verify, 'revoked.pem'])).said).toContain('certificate revoked');
  const view = await api.call('GET', `/v1/certificates/${id}`);
  expectInContract('findCertificate', view);
  expect(view.json<CertificateDocument>()).toMatchObject({
    state: 'revoked',
    revocation: { reason: 'cessationOfOperation' },
  });
  expect((await api.revoke(id, 'superseded')).json()).toMatchObject({ code: 'already_revoked' });
});

async function askGnutls(): Promise<string> {
  await openssl('x509', '-inform', 'DER', '-in', 'ACI-EL-ORG-TEST.cer', '-out', 'gnutls-issuer.pem');
  const files = ['--load-issuer', 'gnutls-issuer.pem', '--load-cert', 'revoked.pem'];
  return told('ocsptool', folder, `--ask=http://127.0.0.1:${service.publicPort}/`, '--nonce', ...files);
}

describe('an OCSP answer', () => {
  it.each([
    ['ACI-EL-ORG-TEST', 'org-auth-cli-P-256-json.pem'],
    ['ACI-FO-PP-TEST', 'card.pem'],
    ['ACI-ST-PP-TEST', 'employee.pem'],
  ])(
    'of %s is signed by its delegated responder, which lasts at most 30 days and longer than the answer',
    async (issuer, name) => {
      await askOcsp(`${issuer}.cer`, '-cert', name, '-respout', 'delegated.der');
      const response = parseOcspResponse(readFileSync(file('delegated.der')));
      if (response.status !== 'successful') throw new Error(response.status);
      const { certificates, responses } = response.basic;
      writeFileSync(file('responder.cer'), certificates[0] ?? new Uint8Array());
      const text = await openssl('x509', '-inform', 'DER', '-in', 'responder.cer', '-noout', '-text');
      expect(text).toMatch(/X509v3 Extended Key Usage: ?\n\s+OCSP Signing\n/);
      expect(text).toContain('OCSP No Check');
      expect(text).not.toContain('Authority Information Access');
      const [from = Number.NaN, to = Number.NaN] = ['Not Before', 'Not After '].map((name) =>
        Date.parse(new RegExp(`${name}: (.*)`).exec(text)?.[1] ?? ''),
      );
      expect(to - from).toBeLessThanOrEqual(30 * 86_400_000);
      for (const { nextUpdate } of responses) expect(nextUpdate?.getTime()).toBeLessThanOrEqual(to);
      await openssl('x509', '-inform', 'DER', '-in', `${issuer}.cer`, '-out', 'issuer.pem');
      expect(
        await openssl('verify', '-x509_strict', '-partial_chain', '-trusted', 'issuer.pem', 'responder.cer'),
      ).toContain('OK');
    },
  );

  it('of a serial that was never issued is unknown, and says no nextUpdate', async () => {
    const said = await askOcsp('ACI-EL-ORG-TEST.cer', '-serial', '0x3f00112233445566778899aabbccddee');
    expect(said).toContain('Response verify OK');
    expect(said).toContain(': unknown');
    expect(said).not.toContain('Next Update');
  });

  it('is unauthorized for an authority that is not ours, and for a root', async () => {
    await openssl(
      'req',
      '-x509',
      ...NEW_KEY['P-256'],
      '-noenc',
      '-keyout',
      'other.key',
      '-subj',
      '/CN=another authority',
      '-out',
      'other.pem',
    );
    for (const issuer of ['other.pem', 'ACR-EL-TEST.cer'])
      expect(await askOcsp(issuer, '-serial', '0x3f00112233445566778899aabbccddee')).toContain('unauthorized');
  });

  it('repeats the nonce of its request', async () => {
    const said = await askOcsp('ACI-FO-PP-TEST.cer', '-cert', 'card.pem', '-nonce', '-resp_text');
    expect(said).toMatch(/OCSP Nonce:/);
    expect(said).not.toMatch(/nonce/);
    expect(said).toContain('card.pem: good');
  });
});
