// openssl and gnutls as judges of what the service answers, in a folder of the test's own; they know nothing of our code.

import { spawn } from 'node:child_process';

export type Verdict = { readonly status: number | null; readonly said: string };

/** Runs a judge in `folder`; answers its exit status and what it said on both streams. */
export function ask(
  program: 'openssl' | 'certtool' | 'ocsptool' | 'pkcs11-tool',
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    child.once('error', (error) =>
      reject(new Error(`${program} is missing: apt-get install openssl gnutls-bin opensc`, { cause: error })),
    );
    child.once('close', (status) => resolve({ status, said }));
  });
}

/** The same, and throws where the judge ends with anything but 0. */
export async function told(
  program: Parameters<typeof ask>[0],
  folder: string,
  ...args: readonly string[]
): Promise<string> {
  const { status, said } = await ask(program, folder, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${said}`);
  return said;
}
