// The roles of the service, each as a process of its own, in the order in which one needs another.

import { join } from 'node:path';
import { connectSigner } from '#hsm/client.ts';
import { apiAccess } from './administrator-acts.ts';
import { callApi, callPublic } from './api-call.ts';
import { startRole } from './children.ts';
import { PUBLIC_URL, type Stage, until } from './stage.ts';

const start = ({ directory, environment }: Stage, role: string): void =>
  startRole(role, environment, join(directory, 'log'));

/** Starts both signers, and waits until their tokens are open. */
export async function startSigners(stage: Stage): Promise<void> {
  for (const token of ['issuing', 'ocsp']) start(stage, `signer ${token}`);
  await Promise.all([isSigning(stage, 'issuing', 'operator'), isSigning(stage, 'ocsp', 'public')]);
}

async function isSigning({ environment }: Stage, token: string, caller: string): Promise<void> {
  const path = join(environment.SIGNER_SOCKETS ?? '', token, caller, 'signer.sock');
  const signer = connectSigner({ path, deadlineMs: 5_000 });
  try {
    await until(`the signer of the ${token} token is ready`, async () => (await signer.health()).ready);
  } finally {
    await signer.close();
  }
}

/** Starts what makes CRLs and OCSP responders, and what serves them. */
export function startPublishing(stage: Stage): void {
  start(stage, 'worker');
  start(stage, 'public');
}

/** Starts the API, which comes last: its TLS certificate is issued by the others. */
export const startApi = (stage: Stage): void => start(stage, 'api');

/** Waits until both servers say that they are ready. */
export async function isReady(stage: Stage): Promise<void> {
  await until('the public role is ready', async () => {
    return (await callPublic(stage.publicPort, `${PUBLIC_URL}/readyz`)).status === 200;
  });
  await until('the API is ready', async () => (await callApi(apiAccess(stage), 'GET', '/readyz')).status === 200);
}
