// The clock that certificates, lists and answers are dated by. It is believed as long as it agrees with the database's, and with the
// machine's own count of time; otherwise nothing is dated at all, for a list of next year hides every revocation until then.

import { uptime } from 'node:os';
import { Outage } from './errors.ts';

export type TrustedClock = {
  /** The time. Throws Outage `clock` when it is not to be believed. */
  now(): Date;
  /**
   * Holds the clock against `reference` (the database's); answers false when that took so long that it says nothing. Throws what
   * `reference` throws.
   */
  compare(reference: () => Promise<Date>): Promise<boolean>;
};

type Hands = {
  /** milliseconds since 1970, as the machine believes */
  readonly wall: () => number;
  /** milliseconds that only ever go on, also while the machine sleeps; the system is asked for them */
  readonly count: () => number;
  /** the same but for sleep, and as cheap as `wall` */
  readonly awake: () => number;
};

const MACHINE: Hands = {
  wall: () => Date.now(),
  count: () => 1_000 * uptime(),
  awake: () => performance.now(),
};

/** Above what NTP leaves between two machines, below what anybody would notice in a certificate. */
const LARGEST_SKEW_MS = 60_000;
/** How fast a clock may be led back to the right time, as a share of the time that passes: twice what the kernel's own slewing does. */
const LARGEST_DRIFT = 0.001;
/** A clock that went on like this since it was last compared has not jumped. */
const STEADY_MS = 1_000;
/** A comparison that took longer than this says nothing. */
const SLOW_MS = 5_000;

/** A clock that is believed from now on. It is compared by whoever holds it, every few seconds. */
export function createTrustedClock({ wall, count, awake }: Hands = MACHINE): TrustedClock {
  // wall time at the moment when the count of time was nought
  let base = wall() - count();
  let comparedAt = count();
  let skew = 0;

  const jump = (): number => wall() - count() - base;
  // A second that is in step with the last one that was looked at needs no second look.
  let seen = wall() - awake();
  const isSteady = (): boolean => Math.abs(wall() - awake() - seen) < STEADY_MS;
  return {
    now() {
      if (Math.abs(skew) > LARGEST_SKEW_MS) throw unsound(`${inSeconds(skew)} s from the clock of the database`);
      if (isSteady()) return new Date(wall());
      if (Math.abs(jump()) > LARGEST_SKEW_MS) throw unsound(`jumped by ${inSeconds(jump())} s`);
      return new Date(wall());
    },
    async compare(reference) {
      const before = count();
      const theirs = await reference();
      const took = count() - before;
      if (took > SLOW_MS) return false;
      skew = wall() - took / 2 - theirs.getTime();
      // Drift is followed, steps are not: many small ones are a large one.
      const most = LARGEST_DRIFT * (count() - comparedAt);
      if (Math.abs(skew) <= LARGEST_SKEW_MS) base += Math.max(-most, Math.min(most, jump()));
      comparedAt = count();
      if (Math.abs(jump()) <= LARGEST_SKEW_MS) seen = wall() - awake();
      return true;
    },
  };
}

const inSeconds = (ms: number): number => Math.round(ms / 1_000);

const unsound = (detail: string): Outage =>
  new Outage(
    'clock',
    `the clock of this machine is not to be believed: ${detail}; set it right, then start this role again`,
  );
