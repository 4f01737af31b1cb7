import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockCeremony } from '../../src/ca/ceremony-lock.ts';
import { refusalOf } from '../helpers/refusal.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'igc-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const lockFile = () => join(directory, 'ceremony.lock');

test('a second ceremony in the same directory is refused while the first runs, and let in afterwards', () => {
  const unlock = lockCeremony(directory);
  expect(refusalOf(() => lockCeremony(directory)).code).toBe('configuration_invalid');
  unlock();
  lockCeremony(directory)();
  expect(readdirSync(directory)).toEqual([]);
});

test('the refusal names the process and the file', () => {
  const unlock = lockCeremony(directory);
  const { findings } = refusalOf(() => lockCeremony(directory));
  expect(findings).toMatchObject([{ at: lockFile(), detail: `process ${process.pid} holds the lock` }]);
  unlock();
});

test('the lock of a process that is gone is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(lockFile(), `${pid}\n`);
  const unlock = lockCeremony(directory);
  expect(existsSync(lockFile())).toBe(true);
  unlock();
  expect(readdirSync(directory)).toEqual([]);
});

test('a lock that names no process is taken over: its writer stopped before it had written', () => {
  writeFileSync(lockFile(), '');
  lockCeremony(directory)();
});

test('a directory that does not exist is made', () => {
  const inner = join(directory, 'a', 'b');
  lockCeremony(inner)();
  expect(existsSync(inner)).toBe(true);
});
