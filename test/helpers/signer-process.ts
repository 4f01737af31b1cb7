// Starts signers as processes, stops and kills them, and lets a test wait for what they say.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectSigner, type Signer, type SignerHealth } from '#hsm/client.ts';
import type { Role, TokenKind } from '#hsm/purpose.ts';
import type { SignerLimits } from '#hsm/signer.ts';
import { keepOutput } from './run-log.ts';
import type { TestAuthority } from './test-hierarchy.ts';
import { labelOf, type TestTokens } from './token.ts';

export type SignerOptions = {
  readonly tokens: TestTokens;
  readonly token: TokenKind;
  readonly authorities?: readonly TestAuthority[];
  readonly module?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly pinFile?: string;
  readonly tokenLabel?: string;
  readonly stateDirectory?: string;
  readonly signingDeadlineMs?: number;
  readonly limits?: Partial<SignerLimits>;
};

export type SignerEvent = { readonly event: string; readonly [name: string]: unknown };

export type SignerProcess = {
  readonly events: readonly SignerEvent[];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly pid: number;
  socket(role: Role): string;
  /** A client of that role's socket; closed by `stop`. */
  connect(role: Role, deadlineMs?: number): Signer;
  /** Waits until health satisfies `wanted`; vitest's own timeout ends the wait. */
  untilHealth(role: Role, wanted: (health: SignerHealth) => boolean): Promise<SignerHealth>;
  stop(): Promise<void>;
  kill(): Promise<void>;
};

const MAIN = fileURLToPath(new URL('./signer-main.ts', import.meta.url));

/** Starts a signer and waits until its sockets listen, or until it has ended. */
export async function startSigner(options: SignerOptions): Promise<SignerProcess> {
  const { tokens, token } = options;
  const folder = mkdtempSync(join(tokens.folder, 's-'));
  const config = {
    token,
    module: options.module ?? tokens.module,
    tokenLabel: options.tokenLabel ?? labelOf(token),
    pinFile: options.pinFile ?? tokens.pinFile(token),
    socketDirectory: join(folder, 'run'),
    stateDirectory: options.stateDirectory ?? join(folder, 'state'),
    authorities: (options.authorities ?? []).map(({ id, certificate }) => ({
      id,
      certificate: Buffer.from(certificate.der).toString('base64'),
    })),
    ...(options.signingDeadlineMs === undefined ? {} : { signingDeadlineMs: options.signingDeadlineMs }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [MAIN, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...tokens.environment, ...options.environment },
  });
  child.stderr.pipe(process.stderr, { end: false });
  keepOutput(child, `signer ${token}`, [child.stdout, child.stderr]);
  return follow(child, config.socketDirectory);
}

async function follow(child: ChildProcess, socketDirectory: string): Promise<SignerProcess> {
  const events: SignerEvent[] = [];
  const clients: Signer[] = [];
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const listening = new Promise<void>((resolve) => {
    if (child.stdout === null) return;
    createInterface(child.stdout).on('line', (line) => {
      const event: SignerEvent = JSON.parse(line);
      events.push(event);
      if (event.event === 'test.listening') resolve();
    });
  });
  await Promise.race([listening, exited]);
  const socket = (role: Role): string => join(socketDirectory, role, 'signer.sock');
  const connect = (role: Role, deadlineMs = 20_000): Signer => {
    const client = connectSigner({ path: socket(role), deadlineMs });
    clients.push(client);
    return client;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    for (const client of clients) await client.close();
    child.kill(signal);
    await exited;
  };
  return {
    events,
    exited,
    pid: child.pid ?? 0,
    socket,
    connect,
    async untilHealth(role, wanted) {
      const client = connect(role);
      for (;;) {
        const health = await client.health();
        if (wanted(health)) return health;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
