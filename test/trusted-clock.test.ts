import { expect, test } from 'vitest';
import { Outage } from '../src/errors.ts';
import { createTrustedClock } from '../src/trusted-clock.ts';

const START = Date.parse('2026-11-22T10:00:00Z');
const MINUTE = 60_000;
const DAY = 86_400_000;

/** A machine whose clock can be set, and a database with a clock of its own. */
function machine() {
  const hands = { wall: START, count: 1_000, awake: 500, database: START };
  const clock = createTrustedClock({ wall: () => hands.wall, count: () => hands.count, awake: () => hands.awake });
  return {
    hands,
    clock,
    pass(ms: number) {
      for (const hand of ['wall', 'count', 'awake', 'database'] as const) hands[hand] += ms;
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

test('a machine that slept for a night counted the night, and is believed', async () => {
  const { clock, hands, pass, compare } = machine();
  pass(8 * 60 * MINUTE);
  hands.awake -= 8 * 60 * MINUTE;
  expect(clock.now()).toEqual(new Date(START + 8 * 60 * MINUTE));
  expect(await compare()).toBe(true);
});

test.each([-2 * MINUTE, 2 * MINUTE, 23 * 60 * MINUTE, 400 * DAY])(
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

test('a drift of what slewing makes is followed for a year', async () => {
  const { clock, hands, pass, compare } = machine();
  for (let hour = 0; hour < 365 * 24; hour += 1) {
    pass(60 * MINUTE);
    hands.wall += 1_800;
    hands.database += 1_800;
    await compare();
  }
  expect(clock.now().getTime()).toBe(hands.wall);
});

test.each([54_000, -54_000])(
  'steps of %d ms every five seconds, which the database makes too, add up to a jump',
  async (ms) => {
    const { clock, hands, pass, compare } = machine();
    for (let step = 0; step < 2; step += 1) {
      pass(5_000);
      hands.wall += ms;
      hands.database += ms;
      await compare();
    }
    expect(() => clock.now()).toThrow(/jumped/);
  },
);

test('an answer that took longer than five seconds says nothing', async () => {
  const { clock, hands } = machine();
  const counted = await clock.compare(async () => {
    hands.wall += 6_000;
    hands.count += 6_000;
    hands.awake += 6_000;
    return new Date(START + DAY);
  });
  expect(counted).toBe(false);
  expect(clock.now()).toEqual(new Date(START + 6_000));
});

test('a database that is away leaves the clock as it was, and says so', async () => {
  const { clock } = machine();
  const away = new Outage('database', 'away');
  await expect(clock.compare(() => Promise.reject(away))).rejects.toBe(away);
  expect(clock.now()).toEqual(new Date(START));
});
