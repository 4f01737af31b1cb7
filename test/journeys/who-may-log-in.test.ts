// Row 14 of the bad input that a service meets, on the whole service: only the card of a technical administrator opens the API,
// and opens what is theirs. Each stranger here is as near to that card as one can come.

import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCertificate } from '#db/certificates.ts';
import { recordRevocation } from '#db/revocations.ts';
import { issueCertificate } from '../../src/ca/issue.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { buildApi } from '../../src/http/server.ts';
import type { ApiUseCases } from '../../src/http/use-cases.ts';
import { findActor } from '../../src/ra/find-actor.ts';
import type { System } from '../../src/system.ts';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type CertificateFields,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import { toPem } from '../../src/x509/pem.ts';
import { expectInContract } from '../api/fake-use-cases.ts';
import { issued } from '../db/samples.ts';
import {
  type Answer,
  type ApiClient,
  type CertificateDocument,
  type Credential,
  createApiClient,
  type Problem,
} from '../helpers/api-client.ts';
import {
  AGENCY,
  API_HOST,
  csrPem,
  DURAND,
  HOSPITAL,
  type IssuedCard,
  issueCard,
  issueTo,
  MARTIN,
  makeAdministrator,
  newKeyPair,
  recordStructures,
  serverCsr,
  writeApiCertificate,
} from '../helpers/cast.ts';
import { pemOf, spkiOf } from '../helpers/csr.ts';
import { told } from '../helpers/judges.ts';
import { prepareService, type Service, until, untilReady } from '../helpers/service.ts';

let service: Service;
let operator: System;
let card: IssuedCard;
/** shows the card of the hospital's technical administrator */
let api: ApiClient;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  operator = await service.open('operator');
  await untilReady(operator.issuing);
  await recordStructures(operator);
  await writeApiCertificate(operator, service);
  service.start('api');
  card = await issueCard(operator, DURAND);
  await makeAdministrator(operator, DURAND, [HOSPITAL]);
  api = createApiClient(service, card);
  await until(async () => (await api.call('GET', '/readyz')).statusCode === 200);
}, 60_000);

afterAll(() => service?.stop());

const login = (credential: Credential | undefined, headers = {}): Promise<Answer> =>
  api.call('GET', '/v1/profiles', { credential, headers });

function expectProblem(answer: Answer, status: number, code: string): void {
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([status, code]);
}

it('the card of a technical administrator opens the API, and so does their next card', async () => {
  expect((await login(card)).statusCode).toBe(200);
  expect((await login(await issueCard(operator, DURAND))).statusCode).toBe(200);
});

describe('401 is the answer to', () => {
  it('nobody', async () => {
    const answer = await login(undefined);
    expectProblem(answer, 401, 'client_certificate_required');
    expectInContract('listProfiles', answer);
  });

  it('a card whose holder is no technical administrator', async () => {
    expectProblem(await login(await issueCard(operator, MARTIN)), 401, 'client_certificate_refused');
  });

  it('a revoked card, at once and on a connection that it opened before', async () => {
    const lost = await issueCard(operator, DURAND);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await api.call('GET', '/v1/profiles', { credential: lost, agent });
    await revokeCertificate(operator, {
      id: lost.id,
      reason: 'keyCompromise',
      actor: { kind: 'operator', id: 'test' },
    });
    const after = await api.call('GET', '/v1/profiles', { credential: lost, agent });
    agent.destroy();
    expect(before.statusCode).toBe(200);
    expectProblem(after, 401, 'client_certificate_refused');
    expectProblem(await login(lost), 401, 'client_certificate_refused');
  });

  it('a software certificate of ours with the same identifier for a name', async () => {
    const software = await issueTo(operator, {
      profile: 'org-auth-cli',
      holder: { kind: 'structure', ...HOSPITAL },
      names: { commonName: DURAND },
    });
    expectProblem(await login(software), 401, 'client_certificate_refused');
  });

  it('a card of an authority with our names and another key, down to the serial of a real card', async () => {
    const forger = newKeyPair('rsa');
    const key = newKeyPair('rsa');
    const authority = readFileSync(join(service.hierarchy.directory, 'ACI-FO-PP-TEST.cer'));
    // the card alone with its own key and with the forger's, then with the forger's authority sent along under our name
    const alone = forge(card.der, { forger: forger.privateKey });
    const other = forge(card.der, { forger: forger.privateKey, spki: spkiOf(key) });
    const above = forge(authority, { forger: forger.privateKey, spki: spkiOf(forger) });
    expectProblem(await login({ key: card.key, cert: alone }), 401, 'client_certificate_refused');
    expectProblem(await login({ key: pemOf(key), cert: other }), 401, 'client_certificate_refused');
    expectProblem(await login({ key: pemOf(key), cert: other + above }), 401, 'client_certificate_refused');
  });

  it('a certificate that was signed with the key of a card', async () => {
    const key = newKeyPair('rsa');
    const issuer = parseCertificate(card.der).subject;
    const cert = forge(card.der, { forger: createPrivateKey(card.key), spki: spkiOf(key), issuer });
    expectProblem(await login({ key: pemOf(key), cert: cert + card.cert }), 401, 'client_certificate_refused');
  });

  it('the card with one bit of its signature changed', async () => {
    const { tbs, signatureAlgorithm, signature } = parseCertificate(card.der);
    const changed = signature.map((octet, index) => (index === 100 ? octet ^ 1 : octet));
    const cert = toPem('CERTIFICATE', assembleSigned(tbs, signatureAlgorithm, changed));
    expectProblem(await login({ key: card.key, cert }), 401, 'client_certificate_refused');
  });

  it.each([
    'X-Client-Cert',
    'X-SSL-Client-Cert',
    'X-SSL-Client-Verify',
    'X-Forwarded-Client-Cert',
    'Client-Cert',
    'X-Remote-User',
    'Authorization',
  ])('a stranger with the card in the header %s', async (name) => {
    const answer = await login(undefined, { [name]: encodeURIComponent(card.cert), 'X-SSL-Client-S-DN': DURAND });
    expectProblem(answer, 401, 'client_certificate_required');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a stranger who tries to resume the %s session of a card',
    async (version) => {
      const owner = await knock(version, { key: card.key, cert: card.cert });
      const stranger = await knock(version, owner.session === undefined ? {} : { session: owner.session });
      expect([owner.status, stranger.status]).toEqual([200, 401]);
      expect(stranger.reused).toBe(false);
    },
  );

  it('a certificate of ours that is not meant for clients, and the certificate of an authority', async () => {
    const worker = await service.open('worker');
    const key = newKeyPair('rsa');
    const { der } = await issueCertificate(worker, {
      profile: 'ocsp-responder',
      holder: { kind: 'ca', id: 'ACI-FO-PP-TEST' },
      key: { spki: spkiOf(key) },
      actor: { kind: 'system', id: 'test' },
    });
    expectProblem(await login({ key: pemOf(key), cert: toPem('CERTIFICATE', der) }), 401, 'client_certificate_refused');
    for (const { certificate } of operator.authorities.values())
      await expect(findActor(operator, { chain: [certificate.der] })).rejects.toMatchObject({
        code: 'client_certificate_refused',
      });
  });

  it.each([
    ['an Ed25519 certificate', ['-newkey', 'ed25519']],
    ['a P-521 certificate', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['an RSA-PSS certificate', ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss']],
    ['an unknown critical extension', ['-newkey', 'rsa:2048', '-addext', '1.2.3.4=critical,DER:0500']],
    ['a certificate without a subject', ['-newkey', 'rsa:2048', '-subj', '/']],
  ])('%s of another tool', async (_what, options) => {
    const subject = options.includes('-subj') ? [] : ['-subj', `/C=FR/CN=${DURAND}`];
    await told(
      'openssl',
      service.directory,
      'req',
      '-x509',
      ...options,
      ...subject,
      '-noenc',
      '-keyout',
      'o.key',
      '-out',
      'o.pem',
    );
    const [key = '', cert = ''] = ['o.key', 'o.pem'].map((name) => readFileSync(join(service.directory, name), 'utf8'));
    expectProblem(await login({ key, cert }), 401, 'client_certificate_refused');
  });

  it('an expired card, and a card that is not valid yet', async () => {
    const { notBefore, notAfter } = parseCertificate(card.der);
    expect(await loginAt(new Date(notAfter.getTime() - 60_000))).toEqual([200, undefined]);
    expect(await loginAt(new Date(notAfter.getTime() + 1_000))).toEqual([401, 'client_certificate_refused']);
    expect(await loginAt(new Date(notBefore.getTime() - 1_000))).toEqual([401, 'client_certificate_refused']);
  });
});

describe('what is not theirs', () => {
  const order = (structure: string): Promise<Answer> =>
    api.order({ profile: 'serv-ssl', holder: { structure }, csr: csrPem(serverCsr('www.hopital-generique.fr')) });

  it.each([
    ['a structure of somebody else', AGENCY.structIdNat],
    ['a structure that does not exist', '10B0000001'],
  ])('%s gets 403, and nobody learns which it is', async (_what, structure) => {
    const answer = await order(structure);
    expectProblem(answer, 403, 'not_allowed');
    expectInContract('orderCertificate', answer);
    expect(answer.json<Problem>().findings).toHaveLength(1);
    expect(answer.body.toString()).not.toContain(AGENCY.name);
  });

  it('a certificate of another structure, of a person or of nobody is 404, to see and to revoke', async () => {
    const foreign = await issueTo(operator, {
      profile: 'org-auth-cli',
      holder: { kind: 'structure', ...AGENCY },
      names: { commonName: 'a service of the agency' },
    });
    for (const id of [foreign.id, card.id, '01990000-0000-7000-8000-000000000000']) {
      const seen = await api.call('GET', `/v1/certificates/${id}`);
      expectProblem(seen, 404, 'not_found');
      expectInContract('findCertificate', seen);
      const revoked = await api.revoke(id, 'superseded');
      expectProblem(revoked, 404, 'not_found');
      expectInContract('revokeCertificate', revoked);
    }
    expect((await findCertificate(operator.db.read, foreign.id))?.revocation).toBeUndefined();
  });

  it('a certificate that they ordered is seen by the other administrator of the structure, and by nobody else', async () => {
    const { id } = (await order(HOSPITAL.structIdNat)).json<CertificateDocument>();
    const colleague = await issueCard(operator, MARTIN);
    await makeAdministrator(operator, MARTIN, [AGENCY]);
    const stranger = createApiClient(service, colleague);
    expect((await api.call('GET', `/v1/certificates/${id}`)).statusCode).toBe(200);
    expectProblem(await stranger.call('GET', `/v1/certificates/${id}`), 404, 'not_found');
  });
});

type Forgery = { readonly forger: KeyObject; readonly spki?: Uint8Array; readonly issuer?: Uint8Array };

/** A certificate with every field of a real one but those of `other`, signed by somebody else. */
function forge(real: Uint8Array, { forger, ...other }: Forgery): string {
  const algorithm = signatureAlgorithmIdentifier('sha256WithRSAEncryption');
  const fields: CertificateFields = { ...parseCertificate(real), signatureAlgorithm: algorithm, ...other };
  const tbs = buildTbsCertificate(fields);
  return toPem('CERTIFICATE', assembleSigned(tbs, algorithm, sign('sha256', tbs, forger)));
}

// The last test of the file: nothing undoes it.
it('nobody logs in with a card of an authority that its root has revoked', async () => {
  expect((await login(card)).statusCode).toBe(200);
  const authority = operator.authorities.get('ACI-FO-PP-TEST');
  const row = await issued(operator.db.read, {
    issuer: authority?.issuer ?? '',
    serial: authority?.certificate.serial ?? new Uint8Array(),
  });
  await recordRevocation(operator.db.read, {
    certificateId: row.id,
    revokedAt: new Date(),
    reason: 'unspecified',
    actor: 'operator:test',
  });
  expectProblem(await login(card), 401, 'client_certificate_refused');
});

/** One TLS connection that asks for the profiles: the answer's status, whether a session was resumed, and the one that it got. */
function knock(
  version: 'TLSv1.2' | 'TLSv1.3',
  options: ConnectionOptions,
): Promise<{ status: number; reused: boolean; session: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    let session: Buffer | undefined;
    let reused = false;
    let said = '';
    const ca = toPem('CERTIFICATE', readFileSync(join(service.hierarchy.directory, 'ACR-EL-TEST.cer')));
    const versions = { minVersion: version, maxVersion: version };
    const socket = connect({
      host: '127.0.0.1',
      port: service.apiPort,
      servername: API_HOST,
      ca,
      ...versions,
      ...options,
    });
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused();
      session = socket.getSession();
      socket.write(`GET /v1/profiles HTTP/1.1\r\nHost: ${API_HOST}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('session', (given: Buffer) => {
      session = given;
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: Number(said.split(' ')[1]), reused, session }));
  });
}

/** Logs in to an API whose clock shows this moment; answers status and code. */
async function loginAt(moment: Date): Promise<[number, string | undefined]> {
  service.clock.moveTo(moment);
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = service.environment;
  const tls = { key: readFileSync(API_TLS_KEY_FILE), cert: readFileSync(API_TLS_CERTIFICATE_FILE) };
  const nothing = (): never => {
    throw new Error('only a login was expected');
  };
  const useCases: ApiUseCases = {
    findActor: (peer) => findActor(operator, peer),
    listProfiles: () => [],
    ...{ listCertificates: nothing, extractCertificates: nothing, findRenewalWindow: nothing },
    ...{ orderCertificate: nothing, findCertificate: nothing, revokeCertificate: nothing, readiness: nothing },
    ...{ admitMailSystem: nothing, recordDeliveryReport: nothing },
  };
  const app = buildApi(useCases, { tls });
  try {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const answer = await createApiClient({ ...service, apiPort: port }, card).call('GET', '/v1/profiles');
    return [answer.statusCode, answer.json<Problem>().code];
  } finally {
    await app.close();
    service.clock.moveTo(new Date());
  }
}
