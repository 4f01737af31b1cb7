// Processes of the version before, from a checkout of its own, beside today's on one database: `npm run versions` makes the
// checkout and says where it is. Not part of `npm test`, which runs without the history.

import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CertificateDocument } from '../helpers/api-client.ts';
import {
  type Administrator,
  answerAtLast,
  apiReady,
  connectTo,
  eventually,
  newOrder,
  settleIn,
} from '../helpers/faults.ts';
import { checkInvariants } from '../helpers/invariants.ts';
import { freePort, prepareService, type RunningRole, type Service } from '../helpers/service.ts';

const CHECKOUT = process.env.VERSION_BEFORE ?? '';

let service: Service;
let watch: Client;
let today: Administrator;
let before: Administrator;
let workers: { readonly today: RunningRole; readonly before: RunningRole };
let publicBefore: { readonly publicPort: number };
const issued: string[] = [];
const revoked: string[] = [];

beforeAll(async () => {
  service = await prepareService({ spy: true });
  watch = await connectTo(service.database.url);
  const [apiPort, publicPort] = [await freePort(), await freePort()];
  publicBefore = { publicPort };
  service.start('signer issuing');
  service.start('signer ocsp');
  const login = await settleIn(service);
  [today, before] = [login(), login({ apiPort })];
  for (const role of ['api', 'public'] as const) {
    service.start(role);
    service.startFrom(CHECKOUT, role, {
      API_LISTEN: `127.0.0.1:${apiPort}`,
      PUBLIC_LISTEN: `127.0.0.1:${publicPort}`,
    });
  }
  workers = { today: service.start('worker'), before: service.startFrom(CHECKOUT, 'worker') };
  for (const one of [today, before]) await apiReady(one);
}, 150_000);

afterAll(async () => {
  await watch?.end();
  await service?.stop();
});

async function issueThrough(administrator: Administrator): Promise<CertificateDocument> {
  const answer = await answerAtLast(administrator, newOrder());
  expect(answer.statusCode).toBe(201);
  issued.push(answer.json<CertificateDocument>().certificate);
  return answer.json<CertificateDocument>();
}

async function revokeThrough(administrator: Administrator, { id }: CertificateDocument): Promise<void> {
  expect((await administrator.revoke(id))?.statusCode).toBe(200);
  revoked.push(id);
}

it('what one version issues, the other shows, lists and revokes', async () => {
  for (const [one, other] of [
    [today, before],
    [before, today],
  ] as const) {
    const certificate = await issueThrough(one);
    const shown = (await other.get(`/v1/certificates/${certificate.id}`))?.json<CertificateDocument>();
    expect(shown?.serial).toBe(certificate.serial);
    await revokeThrough(other, certificate);
    await issueThrough(one);
  }
  const listed = (await today.get('/v1/certificates'))?.json<{ certificates: readonly { id: string }[] }>();
  const ids = listed?.certificates.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(revoked));
});

it('an order that one version has answered, the other answers alike', async () => {
  const order = newOrder();
  const first = (await answerAtLast(before, order)).json<CertificateDocument>();
  const second = (await answerAtLast(today, order)).json<CertificateDocument>();
  expect(second.serial).toBe(first.serial);
  issued.push(first.certificate);
});

it('either worker alone makes the lists of what the other version’s api revoked', async () => {
  const allListed = async (): Promise<boolean> =>
    (await watch.query('select from outbox')).rowCount === 0 &&
    (
      await watch.query(`select from revocation where created_at > coalesce(
      (select max(settled_at) from crl where state = 'published' and crl.issuer = revocation.issuer), '-infinity')`)
    ).rowCount === 0;
  await eventually('everything is listed', allListed);
  for (const [stopped, administrator] of [
    [workers.before, before],
    [workers.today, today],
  ] as const) {
    stopped.signal('SIGSTOP');
    await revokeThrough(administrator, await issueThrough(administrator));
    await eventually('it is listed', allListed, { withinMs: 45_000 });
    stopped.signal('SIGCONT');
  }
}, 120_000);

it('every promise is kept, whichever version is asked', async () => {
  for (const copy of [service, publicBefore]) await checkInvariants({ ...service, ...copy }, { issued, revoked });
}, 120_000);
