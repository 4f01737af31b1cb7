// The one temporary folder of a process.

import { existsSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startParent, until } from './parent.ts';

describe('the temporary folder', () => {
  it('is one for the whole process, and is gone once it has been removed', async () => {
    const parent = await startParent<{ paths: string[]; left: boolean }>(`
      import { existsSync, writeFileSync } from 'node:fs';
      const paths = [temporaryFolder(), temporaryFolder()];
      writeFileSync(paths[0] + '/file', '');
      await removeTemporaryFolder();
      tell({ paths, left: existsSync(paths[0]) });`);
    expect(parent.told.paths[0]).toBe(parent.told.paths[1]);
    expect(parent.told.left).toBe(false);
    expect(await parent.end).toBe(0);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('is removed after the process ended by %s', async (signal) => {
    const parent = await startParent<string>('tell(temporaryFolder()); stay();');
    expect(existsSync(parent.told)).toBe(true);
    parent.process.kill(signal);
    await parent.end;
    await until(() => !existsSync(parent.told));
  });

  it('is removed only when the last bound child has ended', async () => {
    const parent = await startParent<{ folder: string; child: number }>(`
      const folder = temporaryFolder();
      const late = 'trap "sleep 0.5; [ -d \\"$1\\" ] && touch /tmp/igc-seen-$$; exit" TERM; echo; while :; do sleep 0.1; done';
      const child = spawnBound('sh', ['-c', late, 'sh', folder], { stdio: ['ignore', 'pipe', 'ignore'] });
      child.stdout.once('data', () => tell({ folder, child: child.pid }));`);
    const seen = `/tmp/igc-seen-${parent.told.child}`;
    parent.process.kill('SIGKILL');
    await until(() => !existsSync(parent.told.folder));
    expect(existsSync(seen)).toBe(true);
    rmSync(seen);
  });

  it('keeps nobody else waiting: a process that has nothing more to do ends, and its folder with it', async () => {
    const parent = await startParent<string>('tell(temporaryFolder());');
    expect(await parent.end).toBe(0);
    await until(() => !existsSync(parent.told));
  });

  it('is passable for the account of the server when root makes it, and private otherwise', async () => {
    const parent = await startParent<number>(`
      import { statSync } from 'node:fs';
      tell(statSync(temporaryFolder()).mode & 0o777);`);
    expect(parent.told).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
  });

  it('is where a socket has room, however long the path of the usual temporary folder is', async () => {
    const parent = await startParent<string>('tell(temporaryFolder());', { TMPDIR: `/tmp/${'long/'.repeat(20)}` });
    expect(parent.told).toMatch(/^\/tmp\/igc-sante-\w+$/);
  });
});
