// Children that end with their parent.

import { describe, expect, it } from 'vitest';
import { endChild, ended, spawnBound } from '../../scripts/process.ts';
import { runs, startParent, until } from './parent.ts';

const SILENT = ['ignore', 'ignore', 'ignore'] as const;

describe('a bound child', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('ends when its parent ends by %s', async (signal) => {
    const parent = await startParent<number>(`const child = spawnBound('sleep', ['1000']); tell(child.pid);`);
    expect(runs(parent.told)).toBe(true);
    parent.process.kill(signal);
    expect(await parent.end).toBe(signal);
    await until(() => !runs(parent.told));
  });

  it('ends when its parent ends by process.exit, or by an error that nobody caught', async () => {
    const code = (end: string) =>
      `const child = spawnBound('sleep', ['1000']); tell(child.pid); setTimeout(() => { ${end} }, 10);`;
    const exited = await startParent<number>(code('process.exit(3)'));
    expect(await exited.end).toBe(3);
    await until(() => !runs(exited.told));
    const failed = await startParent<number>(
      `process.on('uncaughtException', () => process.exit(9)); ${code('throw 1')}`,
    );
    expect(await failed.end).toBe(9);
    await until(() => !runs(failed.told));
  });

  it('is killed after its grace when it does not heed the signal, together with its own children', async () => {
    const stubborn = `trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done`;
    const parent = await startParent<{ child: number; grandchild: number }>(`
      const child = spawnBound('sh', ['-c', ${JSON.stringify(stubborn)}], { stdio: ['ignore', 'pipe', 'inherit'], graceSeconds: 1 });
      child.stdout.once('data', (text) => tell({ child: child.pid, grandchild: Number(text) }));`);
    parent.process.kill('SIGKILL');
    await until(() => !runs(parent.told.child) && !runs(parent.told.grandchild));
  });

  it('gets the signal that was chosen for it', async () => {
    const parent = await startParent<number>(`
      import { mkdtempSync } from 'node:fs';
      const child = spawnBound('sh', ['-c', 'trap "exit 0" INT; trap "" TERM; while :; do sleep 0.1; done'], { endSignal: 'SIGINT', graceSeconds: 1000 });
      setTimeout(() => tell(child.pid), 200);`);
    parent.process.kill('SIGKILL');
    await until(() => !runs(parent.told));
  });

  it('has the pid, the status, the streams and the environment of the command itself', async () => {
    const child = spawnBound('sh', ['-c', 'echo "$$ $WORD"; exit 7'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, WORD: 'given' },
    });
    let said = '';
    child.stdout?.on('data', (text) => {
      said += text;
    });
    expect(await ended(child)).toBe(7);
    expect(said.trim()).toBe(`${child.pid} given`);
  });

  it('does not hold the pipes of its watcher, so that it cannot keep them open', async () => {
    const child = spawnBound('sh', ['-c', '(: <&3) 2>/dev/null || (: >&4) 2>/dev/null || exit 5'], { stdio: SILENT });
    expect(await ended(child)).toBe(5);
  });

  it('is in a process group of its own, where Ctrl-C in the terminal does not reach it', async () => {
    const child = spawnBound('sleep', ['1000'], { stdio: SILENT });
    process.kill(-Number(child.pid), 'SIGTERM');
    expect(await ended(child)).toBe('SIGTERM');
  });

  it('of a command that does not exist ends with 127', async () => {
    expect(await ended(spawnBound('/nonexistent/command', [], { stdio: SILENT }))).toBe(127);
  });

  it('is asked to end and waited for by endChild, which may be called twice', async () => {
    const child = spawnBound('sleep', ['1000'], { stdio: SILENT });
    await Promise.all([endChild(child), endChild(child)]);
    expect(child.signalCode).toBe('SIGTERM');
    await endChild(child);
  });
});
