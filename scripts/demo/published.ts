// What anybody can fetch, under the URLs that certificates carry: OCSP answers and CRLs, kept as files for openssl to judge.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.ts';
import { callPublic } from './api-call.ts';
import { openssl } from './openssl.ts';
import { file, type Made, OCSP_URL, PUBLIC_URL, type Stage, until } from './stage.ts';

/** Waits until OCSP answers for the certificate with its status, and keeps that answer in `ocsp/<profile>.der`. */
export async function fetchOcsp(stage: Stage, made: Made): Promise<void> {
  const kept = file(stage, 'ocsp', `${made.profile}.der`);
  const request = await makeOcspRequest(stage, made);
  await until(`OCSP says ${made.status} for ${made.profile}`, async () => {
    const answer = await callPublic(stage.publicPort, OCSP_URL, {
      method: 'POST',
      contentType: 'application/ocsp-request',
      body: request,
    });
    writeFileSync(kept, answer.body);
    const { data } = await openssl('ocsp', '-respin', kept, '-noverify', '-resp_text');
    return data.includes(`Cert Status: ${made.status}`);
  });
}

async function makeOcspRequest(stage: Stage, { profile, issuer }: Made): Promise<Buffer> {
  const request = join(temporaryFolder(), `${profile}.ocsp-request`);
  const [ca, certificate] = [file(stage, 'ca', `${issuer}.cer`), file(stage, 'certificates', `${profile}.pem`)];
  await openssl('ocsp', '-issuer', ca, '-cert', certificate, '-no_nonce', '-reqout', request);
  return readFileSync(request);
}

/** Fetches the CRL of every CA; that of a revoked certificate's issuer once it names it. */
export async function fetchCrls(stage: Stage, revoked: Made): Promise<void> {
  const stems = readdirSync(join(stage.directory, 'ca')).filter((name) => name.endsWith('.cer'));
  await Promise.all(stems.map((name) => fetchCrl(stage, name.replace(/\.cer$/, ''), revoked)));
}

async function fetchCrl(stage: Stage, id: string, revoked: Made): Promise<void> {
  const kept = file(stage, 'crl', `${id}.crl`);
  const isRevoking = revoked.issuer === id;
  await until(`the CRL of ${id}${isRevoking ? ' names the revoked certificate' : ''}`, async () => {
    const { status, body } = await callPublic(stage.publicPort, `${PUBLIC_URL}/CRL/${id}.crl`);
    if (status !== 200) throw new Error(`status ${status}`);
    writeFileSync(kept, body);
    if (!isRevoking) return true;
    const { data } = await openssl('crl', '-inform', 'DER', '-in', kept, '-noout', '-text');
    return data.toLowerCase().includes(`serial number: ${revoked.serial}`);
  });
}
