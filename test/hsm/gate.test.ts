import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openBreaker } from '#hsm/breaker.ts';
import { openGate } from '#hsm/gate.ts';
import { KEY_MISSING } from '#hsm/key-objects.ts';
import { Outage } from '../../src/errors.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function gate(width = 1, places = 2) {
  const breaker = openBreaker({
    failures: 3,
    backoffMs: { first: 1_000, longest: 1_000 },
    now: () => performance.now(),
  });
  return { breaker, opened: openGate({ width, places, breaker, fairMs: 100 }) };
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const soon = (): number => performance.now() + 100;
const signatureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof Outage ? error.signature : error),
  );

test('a deadline that passes in the queue says none, and the work is never begun', async () => {
  const { opened } = gate();
  const begun: string[] = [];
  const first = signatureOf(opened.pass(never, soon()));
  const second = signatureOf(
    opened.pass(async () => {
      begun.push('second');
    }, soon()),
  );
  expect([opened.inFlight(), opened.queued()]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(100);
  expect(await second).toBe('none');
  expect(await first).toBe('none');
  expect([opened.inFlight(), opened.queued(), ...begun]).toEqual([1, 0]);
});

test('a deadline that passes once the token was asked says unknown, and the place stays taken until the token answers', async () => {
  const { opened } = gate();
  const { promise, resolve } = Promise.withResolvers<string>();
  const call = signatureOf(
    opened.pass((progress) => {
      progress.asking();
      return promise;
    }, soon()),
  );
  await vi.advanceTimersByTimeAsync(100);
  expect(await call).toBe('unknown');
  expect([opened.inFlight(), opened.isStuck(50)]).toEqual([1, false]);
  await vi.advanceTimersByTimeAsync(51);
  expect(opened.isStuck(50)).toBe(true);
  resolve('too late');
  await vi.advanceTimersByTimeAsync(0);
  expect([opened.inFlight(), opened.isStuck(50)]).toEqual([0, false]);
});

test('after its deadline a call does not get as far as the token', async () => {
  const { opened } = gate();
  const { promise, resolve } = Promise.withResolvers<string>();
  const asked = vi.fn();
  const call = signatureOf(
    opened.pass(async (progress) => {
      await promise;
      progress.asking();
      asked();
    }, soon()),
  );
  await vi.advanceTimersByTimeAsync(100);
  expect(await call).toBe('none');
  resolve('the key was found too late');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).not.toHaveBeenCalled();
});

test('a full queue answers none at once', async () => {
  const { opened } = gate();
  for (let index = 0; index < 3; index += 1) void signatureOf(opened.pass(never, soon()));
  expect(await signatureOf(opened.pass(never, soon()))).toBe('none');
});

test('the breaker opens after failures in a row, and is not troubled by a missing key', async () => {
  const { opened, breaker } = gate();
  const missing = async (): Promise<never> => {
    throw new Outage('hsm', 'no such key', { cause: KEY_MISSING });
  };
  const failing = async (): Promise<never> => {
    throw new Outage('hsm', 'CKR_DEVICE_ERROR', { signature: 'unknown' });
  };
  for (let index = 0; index < 5; index += 1) await signatureOf(opened.pass(missing, soon()));
  expect(breaker.state()).toBe('closed');
  for (let index = 0; index < 3; index += 1) expect(await signatureOf(opened.pass(failing, soon()))).toBe('unknown');
  expect(breaker.state()).toBe('open');
  expect(await signatureOf(opened.pass(failing, soon()))).toBe('none');
});

test("deadlines that are the caller's own haste never open the breaker, and give the probe back", async () => {
  const { opened, breaker } = gate(1, 10);
  const hasty = () => signatureOf(opened.pass(never, performance.now() + 10));
  const asked = Array.from({ length: 8 }, hasty);
  await vi.advanceTimersByTimeAsync(10);
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 8 }, () => 'none'));
  expect(breaker.state()).toBe('closed');
});

test('a call that waited while others were answered says nothing against the token', async () => {
  const { opened, breaker } = gate(2, 10);
  const waiting = Array.from({ length: 4 }, () => signatureOf(opened.pass(never, soon())));
  await vi.advanceTimersByTimeAsync(50);
  breaker.succeeded();
  await vi.advanceTimersByTimeAsync(50);
  await Promise.all(waiting);
  expect(breaker.state()).toBe('open');
});

test('places are given in the order of asking, and never more than there are', async () => {
  const { opened } = gate(2, 10);
  const order: number[] = [];
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      opened.pass(async () => {
        most = Math.max(most, opened.inFlight());
        order.push(index);
        await Promise.resolve();
      }, soon()),
    ),
  );
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(2);
});
