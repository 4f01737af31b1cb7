// What is computed from what was measured: ranks, processor times, profiles folded.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseStat, readProcesses, timeOf } from '../../bench/cpu.ts';
import { median, percentile, rounded } from '../../bench/figures.ts';
import { foldProfile } from '../../bench/profile.ts';
import { newRequest } from '../../bench/requests.ts';
import { admit } from '../helpers/csr.ts';

describe('figures', () => {
  it('a percentile is one of the values, the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 1)).toBe(100);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('a median of an even number of values lies between the two in the middle', () => {
    expect(median([4, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('no figure pretends to more digits than it has', () => {
    expect([rounded(1234.56), rounded(12.3456), rounded(0.012345)]).toEqual([1235, 12.3, 0.0123]);
  });
});

describe('processor time', () => {
  const processes = [
    { pid: 1, parent: 0, own: 1, buried: 2 },
    { pid: 2, parent: 1, own: 10, buried: 20 },
    { pid: 3, parent: 1, own: 100, buried: 0 },
    { pid: 4, parent: 3, own: 1_000, buried: 0 },
  ];

  it('is that of a process, of all below it, and of the children that they have buried', () => {
    expect(timeOf(processes, 1)).toBe(1_133);
    expect(timeOf(processes, 2)).toBe(30);
  });

  it('leaves out who is not to be counted, with all below', () => {
    expect(timeOf(processes, 1, [3])).toBe(33);
  });

  it('a command may hold parentheses and spaces', () => {
    const numbers = Array.from({ length: 49 }, (_, index) => String(index + 4)).join(' ');
    expect(parseStat(`42 (a) b (c)) S ${numbers}`)).toEqual({ pid: 42, parent: 4, own: 290_000, buried: 330_000 });
  });

  it('a child that worked and was waited for is counted with its parent', () => {
    const before = timeOf(readProcesses(), process.pid);
    spawnSync(process.execPath, [
      '-e',
      'const end = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < end);',
    ]);
    expect(timeOf(readProcesses(), process.pid) - before).toBeGreaterThan(190_000);
  });
});

describe('a folded profile', () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
  const nodes = [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 4, 5] },
    { id: 2, callFrame: frame('query', 'file:///x/node_modules/pg/lib/client.js'), children: [3] },
    { id: 3, callFrame: frame('writeBuffer', ''), children: [] },
    { id: 4, callFrame: frame('(idle)', '') },
    { id: 5, callFrame: frame('tick', 'node:internal/timers') },
  ];
  const profile = { nodes, startTime: 1_000, samples: [2, 3, 4, 5], timeDeltas: [0, 10, 20, 30] };

  it('gives native work to the code that asked for it', () => {
    const { categories, functions } = foldProfile(profile, 0, 2_000);
    expect([...categories]).toEqual([
      ['pg driver', 30],
      ['idle', 30],
      ['Node itself: streams, timers, promises', 0],
    ]);
    expect(functions.get('writeBuffer ')).toBe(20);
    expect(functions.get('query file:///x/node_modules/pg/lib/client.js:10')).toBe(10);
  });

  it('leaves out what was sampled outside the window', () => {
    expect([...foldProfile(profile, 1_005, 1_020).categories]).toEqual([['pg driver', 20]]);
  });
});

describe('the requests of a run', () => {
  it('pass the gate, each with a key of its own', () => {
    const [first, second] = [admit(newRequest('service 1')), admit(newRequest('service 2'))];
    expect(Buffer.compare(first.spki, second.spki)).not.toBe(0);
    expect(first.subject.flat().map(({ value }) => value)).toEqual(['service 1']);
  });
});
