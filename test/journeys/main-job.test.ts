// The main job from end to end on real parts: an operator issues a card, its holder orders certificates over mutual TLS, everyone
// can see what became of them, and openssl and gnutls believe all of it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { expectInContract } from '../api/fake-use-cases.ts';
import { type Answer, type CertificateDocument, fetchPublic } from '../helpers/api-client.ts';
import { DURAND, HOSPITAL } from '../helpers/cast.ts';
import { ask, told } from '../helpers/judges.ts';
import { until } from '../helpers/service.ts';
import { crlUrl, INTERMEDIATES, type KeyKind, NEW_KEY, openStage, type Stage } from './main-job-stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 120_000);
afterAll(() => stage?.service.stop());

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
    await stage.request(
      name,
      kind,
      '-subj',
      `/CN=${host}`,
      ...(profile === 'serv-ssl' ? ['-addext', `subjectAltName=DNS:${host}`] : []),
    );
    if (form === 'JSON')
      return stage.api.order({
        profile,
        holder: { structure: HOSPITAL.structIdNat },
        csr: readFileSync(stage.file(`${name}.csr`), 'utf8'),
      });
    await stage.openssl('req', '-in', `${name}.csr`, '-outform', 'DER', '-out', `${name}.der`);
    return stage.api.call('POST', `/v1/certificates?profile=${profile}&structure=${HOSPITAL.structIdNat}`, {
      body: readFileSync(stage.file(`${name}.der`)),
      headers: { 'content-type': 'application/pkcs10' },
    });
  }

  /** The four media types are four forms of one certificate. */
  async function judgeRepresentations(
    name: string,
    { links, serial, certificate, chain }: CertificateDocument,
  ): Promise<void> {
    const get = async (accept: string): Promise<Answer> => {
      const answer = await stage.api.call('GET', links.self, { headers: { accept } });
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, expect.stringContaining(accept)]);
      expectInContract('findCertificate', answer);
      return answer;
    };
    expect((await get('application/json')).json<CertificateDocument>().certificate).toBe(certificate);
    stage.write(`${name}.cer`, (await get('application/pkix-cert')).body);
    stage.write(`${name}.pem`, (await get('application/pem-certificate-chain')).body);
    stage.write(`${name}.p7c`, (await get('application/pkcs7-mime')).body);
    expect(readFileSync(stage.file(`${name}.pem`), 'utf8')).toBe(certificate + chain.join(''));
    expect(await stage.openssl('x509', '-inform', 'DER', '-in', `${name}.cer`)).toBe(certificate);
    const bag = await stage.openssl('pkcs7', '-inform', 'DER', '-in', `${name}.p7c`, '-print_certs');
    for (const pem of [certificate, ...chain]) expect(bag).toContain(pem.trim());
    expect(bag.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    const details = await told('certtool', stage.folder, '--certificate-info', '--inder', '--infile', `${name}.cer`);
    expect(details.toLowerCase()).toContain(`serial number (hex): ${serial}`);
    const bundle = await told('certtool', stage.folder, '--p7-info', '--inder', '--infile', `${name}.p7c`);
    expect(bundle).toContain('Number of certificates: 3');
    expect((await stage.openssl('x509', '-in', `${name}.pem`, '-noout', '-serial')).toLowerCase()).toBe(
      `serial=${serial}\n`,
    );
    const verdict = await stage.openssl(
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
      await told('certtool', stage.folder, '--verify', '--infile', `${name}.pem`, '--load-ca-certificate', 'roots.pem'),
    ).toContain('Chain verification output: Verified');
  }

  /** The certificate is for the key of the request. */
  async function judgeKey(name: string): Promise<void> {
    const certified = await stage.openssl('x509', '-in', `${name}.pem`, '-noout', '-pubkey');
    expect(certified).toBe(await stage.openssl('pkey', '-in', `${name}.key`, '-pubout'));
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
    const text = await stage.openssl('x509', '-in', name, '-noout', '-text');
    return [...text.matchAll(/URI:(\S+)/g)].map(([, url = '']) => url);
  };

  it.each(CERTIFICATES)('of %s answer with its issuer, its list and its status', async (_profile, name, issuer) => {
    const [list = '', directory, delta, ocsp = '', authority = '', ...more] = await urlsOf(name);
    expect([directory, delta].map((url) => new URL(url ?? '').protocol)).toEqual(['ldap:', 'ldap:']);
    expect(more).toEqual([]);
    await judgeList(list, issuer);
    await judgeIssuer(authority, name, issuer);
    await stage.openssl('ocsp', '-issuer', `${issuer}.cer`, '-cert', name, '-no_nonce', '-reqout', 'request.der');
    const body = readFileSync(stage.file('request.der'));
    const answer = await fetchPublic(stage.service, ocsp, { type: 'application/ocsp-request', body });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/ocsp-response']);
    stage.write('response.der', answer.body);
    expect(await readOcsp('response.der', issuer, name)).toContain(`${name}: good`);
  });

  it.each(INTERMEDIATES)('of %s answer with the list of its root', async (id) => {
    const text = await stage.openssl('x509', '-in', `${id}.cer`, '-inform', 'DER', '-noout', '-text');
    const points = text.slice(text.indexOf('CRL Distribution Points'));
    const [list = '', directory = ''] = [...points.matchAll(/URI:(\S+)/g)].map(([, url = '']) => url);
    expect(directory).toMatch(/^ldap:/);
    await judgeList(list, `${id.replace('ACI', 'ACR').replace(/-(ORG|PP)-/, '-')}`);
  });

  async function judgeList(url: string, issuer: string): Promise<void> {
    const answer = await fetchPublic(stage.service, url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkix-crl']);
    expect(answer.headers['cache-control']).toMatch(/max-age=\d+/);
    stage.write('list.crl', answer.body);
    await stage.openssl('x509', '-inform', 'DER', '-in', `${issuer}.cer`, '-out', 'issuer.pem');
    const verdict = await ask('openssl', stage.folder, [
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
    await told('certtool', stage.folder, '--crl-info', '--inder', '--infile', 'list.crl');
  }

  async function judgeIssuer(url: string, name: string, issuer: string): Promise<void> {
    const answer = await fetchPublic(stage.service, url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkix-cert']);
    stage.write('issuer.cer', answer.body);
    expect(answer.body).toEqual(readFileSync(join(stage.service.hierarchy.directory, `${issuer}.cer`)));
    await stage.openssl('x509', '-inform', 'DER', '-in', 'issuer.cer', '-out', 'issuer.pem');
    expect(await stage.openssl('verify', '-partial_chain', '-trusted', 'issuer.pem', name)).toContain('OK');
  }
});

it('the chain file holds the nine authorities', async () => {
  const answer = await fetchPublic(
    stage.service,
    'http://igc.demo.igc-sante.fr/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b',
  );
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/pkcs7-mime']);
  stage.write('chain.p7b', answer.body);
  const bag = await stage.openssl('pkcs7', '-inform', 'DER', '-in', 'chain.p7b', '-print_certs');
  const expected =
    readFileSync(stage.file('roots.pem'), 'utf8') + readFileSync(stage.file('intermediates.pem'), 'utf8');
  expect(certificatesIn(bag).sort()).toEqual(certificatesIn(expected).sort());
});

const certificatesIn = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** What openssl says of a kept response: who signed it, and the status of one certificate. */
async function readOcsp(response: string, issuer: string, certificate: string): Promise<string> {
  const trust = ['-CAfile', 'roots.pem', '-verify_other', 'intermediates.pem', '-no_nonce'];
  const said = await stage.openssl(
    'ocsp',
    '-respin',
    response,
    '-issuer',
    `${issuer}.cer`,
    '-cert',
    certificate,
    ...trust,
  );
  expect(said).toContain('Response verify OK');
  return said;
}

it('a revocation shows in OCSP and in the list, to openssl and to gnutls', async () => {
  await stage.request('revoked', 'P-256', '-subj', '/CN=a service that ends');
  const csr = readFileSync(stage.file('revoked.csr'), 'utf8');
  const ordered = await stage.api.order({ profile: 'org-auth-cli', holder: { structure: HOSPITAL.structIdNat }, csr });
  const { id, certificate, serial } = ordered.json<CertificateDocument>();
  stage.write('revoked.pem', certificate);
  // OCSP is authoritative as soon as issuance answers
  expect(await stage.askOcsp('ACI-EL-ORG-TEST.cer', '-cert', 'revoked.pem')).toMatch(
    /Response verify OK\n.*revoked.pem: good/s,
  );
  expect(await askGnutls()).toContain('Certificate Status: good');

  const revoked = await stage.api.revoke(id, 'cessationOfOperation');
  expect(revoked.statusCode).toBe(200);
  expectInContract('revokeCertificate', revoked);
  await until(async () =>
    (await stage.askOcsp('ACI-EL-ORG-TEST.cer', '-cert', 'revoked.pem')).includes('revoked.pem: revoked'),
  );
  expect(await askGnutls()).toContain('Certificate Status: revoked');

  await until(async () => {
    stage.write('after.crl', (await fetchPublic(stage.service, crlUrl('ACI-EL-ORG-TEST'))).body);
    const list = await stage.openssl('crl', '-inform', 'DER', '-in', 'after.crl', '-noout', '-text');
    return list.toLowerCase().includes(`serial number: ${serial}`);
  });
  await stage.openssl('crl', '-inform', 'DER', '-in', 'after.crl', '-out', 'after.pem');
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
  expect((await ask('openssl', stage.folder, ['verify', ...verify, 'revoked.pem'])).said).toContain(
    'certificate revoked',
  );
  const view = await stage.api.call('GET', `/v1/certificates/${id}`);
  expectInContract('findCertificate', view);
  expect(view.json<CertificateDocument>()).toMatchObject({
    state: 'revoked',
    revocation: { reason: 'cessationOfOperation' },
  });
  expect((await stage.api.revoke(id, 'superseded')).json()).toMatchObject({ code: 'already_revoked' });
});

async function askGnutls(): Promise<string> {
  await stage.openssl('x509', '-inform', 'DER', '-in', 'ACI-EL-ORG-TEST.cer', '-out', 'gnutls-issuer.pem');
  const files = ['--load-issuer', 'gnutls-issuer.pem', '--load-cert', 'revoked.pem'];
  // it fails where it does not verify
  return told('ocsptool', stage.folder, `--ask=http://127.0.0.1:${stage.service.publicPort}/`, '--nonce', ...files);
}

describe('an OCSP answer', () => {
  it.each([
    ['ACI-EL-ORG-TEST', 'org-auth-cli-P-256-json.pem'],
    ['ACI-FO-PP-TEST', 'card.pem'],
    ['ACI-ST-PP-TEST', 'employee.pem'],
  ])(
    'of %s is signed by its delegated responder, which lasts at most 30 days and longer than the answer',
    async (issuer, name) => {
      await stage.askOcsp(`${issuer}.cer`, '-cert', name, '-respout', 'delegated.der');
      const response = parseOcspResponse(readFileSync(stage.file('delegated.der')));
      if (response.status !== 'successful') throw new Error(response.status);
      const { certificates, responses } = response.basic;
      stage.write('responder.cer', certificates[0] ?? new Uint8Array());
      const text = await stage.openssl('x509', '-inform', 'DER', '-in', 'responder.cer', '-noout', '-text');
      expect(text).toMatch(/X509v3 Extended Key Usage: ?\n\s+OCSP Signing\n/);
      expect(text).toContain('OCSP No Check');
      expect(text).not.toContain('Authority Information Access');
      const [from = Number.NaN, to = Number.NaN] = ['Not Before', 'Not After '].map((name) =>
        Date.parse(new RegExp(`${name}: (.*)`).exec(text)?.[1] ?? ''),
      );
      expect(to - from).toBeLessThanOrEqual(30 * 86_400_000);
      for (const { nextUpdate } of responses) expect(nextUpdate?.getTime()).toBeLessThanOrEqual(to);
      await stage.openssl('x509', '-inform', 'DER', '-in', `${issuer}.cer`, '-out', 'issuer.pem');
      expect(
        await stage.openssl('verify', '-x509_strict', '-partial_chain', '-trusted', 'issuer.pem', 'responder.cer'),
      ).toContain('OK');
    },
  );

  it('of a serial that was never issued is unknown, and says no nextUpdate', async () => {
    const said = await stage.askOcsp('ACI-EL-ORG-TEST.cer', '-serial', '0x3f00112233445566778899aabbccddee');
    expect(said).toContain('Response verify OK');
    expect(said).toContain(': unknown');
    expect(said).not.toContain('Next Update');
  });

  it('is unauthorized for an authority that is not ours, and for a root', async () => {
    await stage.openssl(
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
      expect(await stage.askOcsp(issuer, '-serial', '0x3f00112233445566778899aabbccddee')).toContain('unauthorized');
  });

  it('repeats the nonce of its request', async () => {
    const said = await stage.askOcsp('ACI-FO-PP-TEST.cer', '-cert', 'card.pem', '-nonce', '-resp_text');
    expect(said).toMatch(/OCSP Nonce:/);
    expect(said).not.toMatch(/nonce/);
    expect(said).toContain('card.pem: good');
  });

  it('comes by GET too, for caches to keep a minute', async () => {
    const question = ['-issuer', 'ACI-FO-PP-TEST.cer', '-cert', 'card.pem', '-no_nonce', '-reqout', 'get.der'];
    await stage.openssl('ocsp', ...question);
    const path = encodeURIComponent(readFileSync(stage.file('get.der')).toString('base64'));
    const answer = await fetchPublic(stage.service, `http://ocsp.demo.igc-sante.fr/${path}`);
    stage.write('got.der', answer.body);
    expect(await readOcsp('got.der', 'ACI-FO-PP-TEST', 'card.pem')).toContain('card.pem: good');
    const maxAge = Number(/max-age=(\d+)/.exec(String(answer.headers['cache-control']))?.[1]);
    expect(maxAge).toBeGreaterThan(0);
    expect(maxAge).toBeLessThanOrEqual(60);
  });
});

it('no log has a name, an identifier or a PIN, at the most talkative level', () => {
  const { root, issuing, ocsp } = stage.service.hierarchy.pinFiles;
  const pins = [root, issuing, ocsp].map((path) => readFileSync(path, 'utf8').trim());
  const secrets = [DURAND, 'DURAND', 'Anne', 'MARTIN', HOSPITAL.name, HOSPITAL.structIdNat, 'CPET0002', ...pins];
  for (const { log } of stage.roles) {
    expect(log().length).toBeGreaterThan(0);
    expect(secrets.filter((secret) => log().includes(secret))).toEqual([]);
  }
});
