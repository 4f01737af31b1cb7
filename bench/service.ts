// The roles of the service as they run in production, each a process of its own, for as long as something is measured.

import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectSigner } from '#hsm/client.ts';
import { addAdministrator, addStructures, issueApiCertificate, issueCards } from '../scripts/demo/operator-acts.ts';
import { isReady } from '../scripts/demo/service.ts';
import { type Stage, until } from '../scripts/demo/stage.ts';
import { endChild, ended, spawnBound } from '../scripts/process.ts';

export type Role = 'api' | 'public' | 'worker' | 'signer issuing' | 'signer ocsp';

export type Running = { readonly role: Role; readonly child: ChildProcess; stop(): Promise<void> };

/** What is running; `failed` rejects when a role ends that nobody stopped. */
export type Service = { readonly roles: readonly Running[]; readonly failed: Promise<never>; stop(): Promise<void> };

type Start = { readonly stage: Stage; readonly root: string; readonly options?: (role: Role) => string };

/** Starts one role of the checkout `root`; `options` are Node's. Its log is `<directory>/log/<name>.log`. */
export function startRole(role: Role, { stage, root, options }: Start): Running & { readonly failed: Promise<never> } {
  const folder = join(stage.directory, 'log');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${role.replace(' ', '-')}-${stage.apiPort}.log`);
  const log = openSync(file, 'w', 0o600);
  const NODE_OPTIONS = options?.(role) ?? '';
  const child = spawnBound(process.execPath, [join(root, 'src', 'main.ts'), ...role.split(' ')], {
    env: { ...process.env, ...stage.environment, NODE_OPTIONS },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let stopping = false;
  const failed = ended(child).then((status) => {
    if (stopping) return new Promise<never>(() => undefined);
    const last = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-3).join('\n  ');
    throw new Error(`the role ${role} ended by itself (${status}); the end of ${file}:\n  ${last}`);
  });
  failed.catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping = true;
    await endChild(child);
  };
  return { role, child, failed, stop };
}

/** Starts every role of `root`, has an operator issue cards, and waits until an administrator is served. */
export async function startService(start: Start): Promise<Service> {
  const { stage } = start;
  const roles = (['signer issuing', 'signer ocsp'] as const).map((role) => startRole(role, start));
  const add = (role: Role): number => roles.push(startRole(role, start));
  await Promise.all([signerIsReady(stage, 'issuing'), signerIsReady(stage, 'ocsp'), addStructures(stage)]);
  add('worker');
  add('public');
  await Promise.all([issueCards(stage), issueApiCertificate(stage)]);
  add('api');
  await Promise.all([addAdministrator(stage), isReady(stage)]);
  return joined(roles);
}

/** Starts a second signer and a second api, of another checkout, beside a running service and on its database. */
export async function startBeside(start: Start): Promise<Service> {
  const roles = [startRole('signer issuing', start)];
  await signerIsReady(start.stage, 'issuing');
  roles.push(startRole('api', start));
  await isReady(start.stage);
  return joined(roles);
}

function joined(roles: readonly ReturnType<typeof startRole>[]): Service {
  return {
    roles,
    failed: Promise.race(roles.map(({ failed }) => failed)),
    // the callers of signers first
    stop: async () => {
      for (const { stop } of [...roles].reverse()) await stop();
    },
  };
}

const ASKED_BY = { issuing: 'operator', ocsp: 'public' } as const;

async function signerIsReady({ environment }: Stage, token: keyof typeof ASKED_BY): Promise<void> {
  const path = join(environment.SIGNER_SOCKETS ?? '', token, ASKED_BY[token], 'signer.sock');
  const signer = connectSigner({ path, deadlineMs: 5_000 });
  try {
    await until(`the signer of the ${token} token is ready`, async () => (await signer.health()).ready);
  } finally {
    await signer.close();
  }
}
