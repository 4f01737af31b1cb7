import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/http/connections.ts';
import { createBuckets, createMemory } from '../../src/http/rate.ts';

/** Buckets under a clock that the test moves, in milliseconds. */
function buckets(perSecond: number, burst: number, remembered = 1_000) {
  let now = 0;
  const made = createBuckets({ perSecond, burst }, { monotonic: () => now, remembered });
  return { ...made, pass: (milliseconds: number) => (now += milliseconds) };
}

describe('a bucket', () => {
  it('gives so many at once, then says how long to wait, in whole seconds', () => {
    const { take } = buckets(0.5, 3);
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 2]);
  });

  it('is filled again at its rate, and never beyond its brim', () => {
    const { take, pass } = buckets(2, 3);
    for (let n = 0; n < 3; n += 1) take('a');
    pass(499);
    expect(take('a')).toBe(1);
    pass(1);
    expect([take('a'), take('a')]).toEqual([0, 1]);
    pass(3_600_000);
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 1]);
  });

  it('is each caller’s own', () => {
    const { take } = buckets(1, 1);
    expect([take('a'), take('a'), take('b')]).toEqual([0, 1, 0]);
  });

  it('takes back what was taken for nothing, and no more than was in it', () => {
    const { take, giveBack } = buckets(1, 1);
    take('a');
    giveBack('a');
    giveBack('a');
    expect([take('a'), take('a')]).toEqual([0, 1]);
  });

  it('is forgotten when too many others came since', () => {
    const { take } = buckets(1, 1, 10);
    take('a');
    for (let n = 0; n < 9; n += 1) take(`other ${n}`);
    expect(take('a')).toBe(1);
    for (let n = 0; n < 10; n += 1) take(`another ${n}`);
    expect(take('a')).toBe(0);
  });

  it('without a rate never ends', () => {
    const { take } = createBuckets(undefined);
    expect(Array.from({ length: 1_000 }, () => take('a')).every((wait) => wait === 0)).toBe(true);
  });
});

describe('a memory', () => {
  it('keeps a caller for its time since they came last, and of too many the latest', () => {
    let now = 0;
    const { add, has } = createMemory(1_000, { monotonic: () => now, remembered: 2 });
    add('a');
    now = 999;
    expect([has('a'), has('b')]).toEqual([true, false]);
    add('a');
    now = 1_998;
    expect(has('a')).toBe(true);
    now = 1_999;
    expect(has('a')).toBe(false);
    for (const caller of ['a', 'b', 'a', 'c']) add(caller);
    expect([has('a'), has('b'), has('c')]).toEqual([true, false, true]);
  });
});

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
