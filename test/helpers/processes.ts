// Looks at processes from outside, as an operator's `ps` does.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Listed = { readonly pid: number; readonly parent: number; readonly command: string };

/** Every process, as ps lists them; those that have ended but not been waited for are left out. */
export async function listProcesses(): Promise<readonly Listed[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/** The children of a process. */
export const childrenOf = async (pid: number): Promise<readonly Listed[]> =>
  (await listProcesses()).filter(({ parent }) => parent === pid);
