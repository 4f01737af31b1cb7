import { expect, test } from 'vitest';
import { openBreaker } from '#hsm/breaker.ts';

function breaker() {
  const clock = { ms: 0 };
  return { clock, breaker: openBreaker({ failures: 3, backoffMs: { first: 100, longest: 300 }, now: () => clock.ms }) };
}

const failTimes = (opened: ReturnType<typeof openBreaker>, times: number): void => {
  for (let index = 0; index < times; index += 1) opened.failed();
};

test('failures that are not in a row never open it', () => {
  const { breaker: opened } = breaker();
  failTimes(opened, 2);
  opened.succeeded();
  failTimes(opened, 2);
  expect(opened.state()).toBe('closed');
  expect(opened.admit()).toBe(true);
});

test('after so many failures in a row nothing is admitted until the back-off is over, and then one probe', () => {
  const { breaker: opened, clock } = breaker();
  failTimes(opened, 3);
  expect(opened.state()).toBe('open');
  expect(opened.admit()).toBe(false);
  clock.ms = 100;
  expect(opened.state()).toBe('half-open');
  expect([opened.admit(), opened.admit()]).toEqual([true, false]);
  opened.succeeded();
  expect(opened.state()).toBe('closed');
  expect([opened.admit(), opened.admit()]).toEqual([true, true]);
});

test('every failed probe doubles the back-off up to its limit, and a success begins anew', () => {
  const { breaker: opened, clock } = breaker();
  failTimes(opened, 3);
  for (const backoff of [100, 200, 300, 300]) {
    clock.ms += backoff - 1;
    expect(opened.state()).toBe('open');
    clock.ms += 1;
    expect(opened.admit()).toBe(true);
    opened.failed();
  }
  clock.ms += 300;
  opened.admit();
  opened.succeeded();
  failTimes(opened, 3);
  clock.ms += 100;
  expect(opened.state()).toBe('half-open');
});

test('calls that were under way when it opened do not lengthen the back-off', () => {
  const { breaker: opened, clock } = breaker();
  failTimes(opened, 6);
  clock.ms = 100;
  expect(opened.state()).toBe('half-open');
});
