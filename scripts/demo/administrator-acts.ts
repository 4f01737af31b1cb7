// What a technical administrator does in the demo, over mutual TLS with the card: orders certificates, and revokes one.

import { readFileSync, writeFileSync } from 'node:fs';
import { type Answer, type ApiAccess, callApi } from './api-call.ts';
import { madeOf } from './operator-acts.ts';
import type { Order } from './orders.ts';
import { API_HOST, file, LOGIN_CARD, type Made, type Stage } from './stage.ts';

export type Ordered = Made & { readonly id: string };

/** How the administrator reaches the API: with the card, believing the demo's roots only. */
export const apiAccess = (stage: Stage): ApiAccess => ({
  host: API_HOST,
  port: stage.apiPort,
  ca: file(stage, 'ca', 'roots.pem'),
  certificate: file(stage, 'certificates', `${LOGIN_CARD}.pem`),
  key: file(stage, 'keys', `${LOGIN_CARD}.key`),
});

/** Orders a certificate with the request that was made for it, and keeps it with its chain in `certificates/<profile>.pem`. */
export async function order(stage: Stage, { profile, body }: Order): Promise<Ordered> {
  const csr = readFileSync(file(stage, 'requests', `${profile}.csr`), 'utf8');
  const created = await callApi(
    apiAccess(stage),
    ...(['POST', '/v1/certificates', { profile, csr, ...body }] as const),
    { 'idempotency-key': `demo-${profile}` },
  );
  const json = expect(created, 201, `POST /v1/certificates (${profile})`).toString('utf8');
  const { id }: { id: string } = JSON.parse(json);
  const chain = await callApi(apiAccess(stage), 'GET', `/v1/certificates/${id}`, undefined, {
    accept: 'application/pem-certificate-chain',
  });
  writeFileSync(file(stage, 'certificates', `${profile}.pem`), expect(chain, 200, 'GET /v1/certificates/{id}'));
  return { ...madeOf(profile, json), id };
}

/** Revokes a certificate, which cannot be undone. */
export async function revoke(stage: Stage, { id }: Ordered): Promise<void> {
  const reason = { reason: 'cessationOfOperation' };
  const answer = await callApi(apiAccess(stage), 'POST', `/v1/certificates/${id}/revocation`, reason);
  expect(answer, 200, 'POST /v1/certificates/{id}/revocation');
}

function expect({ status, body }: Answer, wanted: number, call: string): Buffer {
  if (status !== wanted) throw new Error(`${call} answered ${status}: ${body.toString('utf8')}`);
  return body;
}
