// The main job of the authority, seen from outside: people get cards, a technical administrator orders certificates with
// requests that openssl made, one is revoked, and everyone can see it.

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiAccess, callApi, callPublic } from './api-call.ts';
import { type Environment, igc } from './children.ts';
import { openssl } from './openssl.ts';
import type { Summary } from './read-back.ts';

export type Stage = {
  /** var/demo */
  readonly directory: string;
  readonly environment: Environment;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly publicPort: number;
  readonly publicUrl: string;
  readonly say: (line: string) => void;
};

type Made = {
  readonly profile: string;
  readonly certificate: string;
  readonly issuer: string;
  readonly ocsp: 'good' | 'revoked';
};

export const HOSPITAL = { id: '10B0057881', name: 'CENTRE HOSPITALIER DE DEMONSTRATION', department: '75' };
const CARD = {
  profile: 'cps-auth',
  idNatPs: '899700075064',
  familyName: 'DEMONSTRATION',
  givenName: 'Camille',
  profession: '50',
  cardNumber: '8025000001/2800000017',
};
const EMPLOYEE_CARD = {
  profile: 'cpe-auth',
  registryNumber: 'CPET0002',
  familyName: 'ESSAI',
  givenName: 'Dominique',
  cardNumber: '8025000001/2600000025',
};
const ORDERS = [
  {
    profile: 'serv-ssl',
    subject: '/CN=serveur.ch-demonstration.fr',
    names: {
      commonName: 'serveur.ch-demonstration.fr',
      dnsNames: ['serveur.ch-demonstration.fr', 'www.ch-demonstration.fr'],
    },
  },
  { profile: 'org-auth-cli', subject: '/CN=DPI demonstration', names: undefined },
] as const;
const REVOKED = 'org-auth-cli';
/** A revocation shows within a second in OCSP and soon after in the CRL; this is when the demo gives up. */
const GIVE_UP_MS = 60_000;

/** An empty var/demo but for the hierarchy's own folder, which a second run keeps. */
export function clearStage(directory: string): void {
  for (const folder of ['ca', 'requests', 'keys', 'certificates', 'crl', 'ocsp', 'log']) {
    rmSync(join(directory, folder), { recursive: true, force: true });
    mkdirSync(join(directory, folder), { recursive: true });
  }
  chmodSync(join(directory, 'keys'), 0o700);
  rmSync(join(directory, 'summary.json'), { force: true });
}

/** A key pair and a PKCS#10 request made by openssl; gives the request's file. */
async function makeRequest(directory: string, profile: string, subject: string): Promise<string> {
  const request = join(directory, 'requests', `${profile}.csr`);
  const key = join(directory, 'keys', `${profile}.key`);
  await openssl(
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-noenc',
    '-keyout',
    key,
    '-subj',
    subject,
    '-utf8',
    '-out',
    request,
  );
  chmodSync(key, 0o600);
  return request;
}

/** The cards with which people log in, issued by an operator; the first becomes the hospital's technical administrator. */
export async function issueCards(stage: Stage): Promise<readonly Made[]> {
  const { directory, environment, say } = stage;
  await igc(
    environment,
    'structure',
    'add',
    '--id',
    HOSPITAL.id,
    '--name',
    HOSPITAL.name,
    '--department',
    HOSPITAL.department,
  );
  const file = (profile: string): string => join(directory, 'certificates', `${profile}.pem`);
  const people = (card: { familyName: string; givenName: string; cardNumber: string }): string[] => [
    ...['--family-name', card.familyName, '--given-name', card.givenName, '--card-number', card.cardNumber],
  ];
  const cps = await makeRequest(directory, CARD.profile, '/CN=ignored');
  await igc(
    environment,
    'certificate',
    'issue',
    CARD.profile,
    '--csr',
    cps,
    '--id-nat-ps',
    CARD.idNatPs,
    '--profession',
    CARD.profession,
    ...people(CARD),
    '--out',
    file(CARD.profile),
  );
  say(`a health professional's card certificate (${CARD.profile}), issued by an operator`);
  await igc(environment, 'administrator', 'add', '--certificate', file(CARD.profile), '--structure', HOSPITAL.id);
  say(`its holder becomes technical administrator of ${HOSPITAL.name}`);
  const cpe = await makeRequest(directory, EMPLOYEE_CARD.profile, '/CN=ignored');
  await igc(
    environment,
    'certificate',
    'issue',
    EMPLOYEE_CARD.profile,
    '--csr',
    cpe,
    '--structure',
    HOSPITAL.id,
    '--registry-number',
    EMPLOYEE_CARD.registryNumber,
    ...people(EMPLOYEE_CARD),
    '--out',
    file(EMPLOYEE_CARD.profile),
  );
  say(`an employee's card certificate (${EMPLOYEE_CARD.profile})`);
  return [
    { profile: CARD.profile, certificate: file(CARD.profile), issuer: 'ACI-FO-PP-TEST', ocsp: 'good' },
    {
      profile: EMPLOYEE_CARD.profile,
      certificate: file(EMPLOYEE_CARD.profile),
      issuer: 'ACI-ST-PP-TEST',
      ocsp: 'good',
    },
  ];
}

/** How the administrator reaches the API: with the card's key and certificate, believing the demo's roots only. */
const access = (stage: Stage): ApiAccess => ({
  host: stage.apiHost,
  port: stage.apiPort,
  ca: join(stage.directory, 'ca', 'roots.pem'),
  certificate: join(stage.directory, 'certificates', `${CARD.profile}.pem`),
  key: join(stage.directory, 'keys', `${CARD.profile}.key`),
});

/** Orders each orderable profile over mutual TLS and revokes one; gives what was made. */
export async function orderCertificates(stage: Stage): Promise<readonly Made[]> {
  const made: Made[] = [];
  for (const order of ORDERS) {
    const csr = readFileSync(await makeRequest(stage.directory, order.profile, order.subject), 'utf8');
    const body = {
      profile: order.profile,
      holder: { structure: HOSPITAL.id },
      csr,
      ...(order.names === undefined ? {} : { names: order.names }),
    };
    const created = await callApi(access(stage), 'POST', '/v1/certificates', body, {
      'idempotency-key': `demo-${order.profile}`,
    });
    if (created.status !== 201)
      throw new Error(`POST /v1/certificates answered ${created.status}: ${created.body.toString('utf8')}`);
    const { id, serial } = JSON.parse(created.body.toString('utf8'));
    const chain = await callApi(access(stage), 'GET', `/v1/certificates/${id}`, undefined, {
      accept: 'application/pem-certificate-chain',
    });
    const file = join(stage.directory, 'certificates', `${order.profile}.pem`);
    writeFileSync(file, chain.body);
    stage.say(`${order.profile} ordered over mutual TLS with an openssl request: 201, serial ${serial}`);
    made.push({ profile: order.profile, certificate: file, issuer: 'ACI-EL-ORG-TEST', ocsp: 'good' });
    if (order.profile === REVOKED) {
      if ((await askOcsp(stage, made[made.length - 1])) !== 'good')
        throw new Error('OCSP does not say good after issuance');
      stage.say(`OCSP says good for ${order.profile}`);
      const revoked = await callApi(access(stage), 'POST', `/v1/certificates/${id}/revocation`, {
        reason: 'cessationOfOperation',
      });
      if (revoked.status >= 300)
        throw new Error(`revocation answered ${revoked.status}: ${revoked.body.toString('utf8')}`);
      stage.say(`${order.profile} revoked, for good`);
      await until(`OCSP shows the revocation`, async () => (await askOcsp(stage, made[made.length - 1])) === 'revoked');
      stage.say(`OCSP says revoked`);
      made[made.length - 1] = { profile: order.profile, certificate: file, issuer: 'ACI-EL-ORG-TEST', ocsp: 'revoked' };
    }
  }
  return made;
}

/** Asks the responder as openssl would, keeps the response in `ocsp/<profile>.der`, and gives the status that it says. */
async function askOcsp(stage: Stage, made: Made | undefined): Promise<string> {
  if (made === undefined) throw new Error('nothing to ask about');
  const file = join(stage.directory, 'ocsp', `${made.profile}.der`);
  const issuer = join(stage.directory, 'ca', `${made.issuer}.cer`);
  const request = join(stage.directory, 'log', 'request.der');
  await openssl('ocsp', '-issuer', issuer, '-cert', made.certificate, '-no_nonce', '-reqout', request);
  const answer = await callPublic(stage.publicPort, 'http://ocsp.demo.igc-sante.fr/', {
    method: 'POST',
    contentType: 'application/ocsp-request',
    body: readFileSync(request),
  });
  writeFileSync(file, answer.body);
  const text = await openssl('ocsp', '-respin', file, '-noverify', '-resp_text');
  return /Cert Status: (\w+)/.exec(text)?.[1] ?? 'unreadable';
}

/** Fetches what relying applications fetch: every CA certificate and every CRL, under the URLs in the certificates. */
export async function fetchPublished(stage: Stage, made: readonly Made[]): Promise<void> {
  for (const one of made)
    await until(`OCSP answers for ${one.profile}`, async () => (await askOcsp(stage, one)) === one.ocsp);
  const revoked = made.find(({ ocsp }) => ocsp === 'revoked');
  for (const id of authorityIds(stage)) {
    await until(`${id} has a CRL`, async () => {
      const answer = await callPublic(stage.publicPort, `${stage.publicUrl}/CRL/${id}.crl`);
      if (answer.status !== 200) return false;
      const file = join(stage.directory, 'crl', `${id}.crl`);
      writeFileSync(file, answer.body);
      if (revoked?.issuer !== id) return true;
      const serial = (await openssl('x509', '-in', revoked.certificate, '-noout', '-serial')).replace('serial=', '');
      return (await openssl('crl', '-inform', 'DER', '-in', file, '-noout', '-text')).includes(serial);
    });
  }
  stage.say(`the CRL of ${revoked?.issuer} names the revoked serial`);
}

const authorityIds = (stage: Stage): readonly string[] =>
  readdirSync(join(stage.directory, 'ca')).flatMap((name) =>
    name.endsWith('.cer') ? [name.replace(/\.cer$/, '')] : [],
  );

/** What the table is held against: serial, status and digest of each certificate, written once everything is made. */
export async function writeSummary(stage: Stage, made: readonly Made[]): Promise<void> {
  const certificates: Summary['certificates'][number][] = [];
  for (const { profile, certificate, ocsp } of made) {
    const serial = (await openssl('x509', '-in', certificate, '-noout', '-serial'))
      .replace('serial=', '')
      .toLowerCase();
    const pem = await openssl('x509', '-in', certificate, '-outform', 'PEM');
    const sha256 = createHash('sha256')
      .update(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'))
      .digest('hex');
    certificates.push({ profile, serial, status: ocsp, sha256 });
  }
  writeFileSync(join(stage.directory, 'summary.json'), `${JSON.stringify({ certificates }, null, 2)}\n`);
}

/** Tries until it holds, a few times a second, and gives up with a sentence that says what did not happen. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + GIVE_UP_MS;
  for (;;) {
    const done = await holds().catch(() => false);
    if (done) return;
    if (performance.now() > giveUp)
      throw new Error(`${what}: not within ${GIVE_UP_MS / 1000} seconds; see var/demo/log`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
