import { expect, test } from 'vitest';
import { Outage } from '../src/errors.ts';
import { createTrustedClock } from '../src/trusted-clock.ts';

const START = Date.parse('2026-11-22T10:00:00Z');
const MINUTE = 60_000;
const DAY = 86_400_000;

/** A machine whose clock can be set, and a database with a clock of its own. */
function machine() {
  const hands = { wall: START, monotonic: 1_000, database: START };
  const clock = createTrustedClock({ wall: () => hands.wall, monotonic: () => hands.monotonic });
  return {
    hands,
    clock,
    pass(ms: number) {
      for (const hand of ['wall', 'monotonic', 'database'] as const) hands[hand] += ms;
    },
    compare: () => clock.compare(async () => new Date(hands.database)),
  };
}

test('a clock that goes as it should is believed, compared or not', async () => {
  const { clock, pass, compare } = machine();
  pass(10 * DAY);
  expect(clock.now()).toEqual(new Date(START + 10 * DAY));
  await compare();
  expect(clock.now()).toEqual(new Date(START + 10 * DAY));
});

test.each([2 * MINUTE, -2 * MINUTE, 400 * DAY, -400 * DAY])('a jump of %d ms is refused at once', (ms) => {
  const { clock, hands } = machine();
  hands.wall += ms;
  expect(() => clock.now()).toThrow(Outage);
  expect(() => clock.now()).toThrow(/jumped by/);
});

test.each([59_000, -59_000])('a step of %d ms is within what machines differ by', (ms) => {
  const { clock, hands } = machine();
  hands.wall += ms;
  expect(clock.now()).toEqual(new Date(START + ms));
});

test('a database that differs by more than a minute stops this copy until they agree again', async () => {
  const { clock, hands, compare } = machine();
  hands.database += 2 * MINUTE;
  await compare();
  expect(() => clock.now()).toThrow(/-120 s from the clock of the database/);
  hands.database -= 2 * MINUTE;
  await compare();
  expect(clock.now()).toEqual(new Date(START));
});

test('a machine that slept for a night is believed once the database agrees', async () => {
  const { clock, hands, compare } = machine();
  hands.wall += 8 * 60 * MINUTE;
  hands.database += 8 * 60 * MINUTE;
  expect(() => clock.now()).toThrow(/jumped/);
  await compare();
  expect(clock.now()).toEqual(new Date(START + 8 * 60 * MINUTE));
});

test.each([-2 * MINUTE, 2 * DAY])(
  'a jump of %d ms is not believed, though the database on this machine made it too',
  async (ms) => {
    const { clock, hands, compare } = machine();
    hands.wall += ms;
    hands.database += ms;
    await compare();
    expect(() => clock.now()).toThrow(/jumped/);
    hands.wall -= ms;
    hands.database -= ms;
    await compare();
    expect(clock.now()).toEqual(new Date(START));
  },
);

test('many small drifts that the database shares are followed', async () => {
  const { clock, hands, pass, compare } = machine();
  for (let hour = 0; hour < 100; hour += 1) {
    pass(60 * MINUTE);
    hands.wall += 2_000;
    hands.database += 2_000;
    await compare();
  }
  expect(clock.now().getTime()).toBe(hands.wall);
});

test('an answer that took longer than five seconds says nothing', async () => {
  const { clock, hands } = machine();
  await clock.compare(async () => {
    hands.wall += 6_000;
    hands.monotonic += 6_000;
    return new Date(START + DAY);
  });
  expect(clock.now()).toEqual(new Date(START + 6_000));
});

test('a database that is away leaves the clock as it was, and says so', async () => {
  const { clock } = machine();
  const away = new Outage('database', 'away');
  await expect(clock.compare(() => Promise.reject(away))).rejects.toBe(away);
  expect(clock.now()).toEqual(new Date(START));
});
