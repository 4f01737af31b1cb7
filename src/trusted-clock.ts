// The clock that certificates, lists and answers are dated by. It is believed as long as it agrees with the database's, and with the
// machine's own count of time; otherwise nothing is dated at all, for a list of next year hides every revocation until then.

import { Outage } from './errors.ts';

export type TrustedClock = {
  /** The time. Throws Outage `clock` when it is not to be believed. */
  now(): Date;
  /** Holds the clock against `reference` (the database's), which may take as long as it likes to answer; throws what it throws. */
  compare(reference: () => Promise<Date>): Promise<void>;
};

type Hands = {
  /** milliseconds since 1970, as the machine believes */
  readonly wall: () => number;
  /** milliseconds that only ever go on */
  readonly monotonic: () => number;
};

const MACHINE: Hands = { wall: () => Date.now(), monotonic: () => performance.now() };

/** Above what NTP leaves between two machines, below what anybody would notice in a certificate. */
const LARGEST_SKEW_MS = 60_000;
/** A machine that slept wakes up ahead of its count of time. Whoever slept longer than this is started again by its operator. */
const LONGEST_SLEEP_MS = 86_400_000;
/** A comparison that took longer than this says nothing. */
const SLOW_MS = 5_000;

/** A clock that is believed from now on. It is compared by whoever holds it, every few seconds. */
export function createTrustedClock({ wall, monotonic }: Hands = MACHINE): TrustedClock {
  // wall time at the moment when the count of time was nought
  let base = wall() - monotonic();
  let skew = 0;

  const jump = (): number => wall() - monotonic() - base;
  return {
    now() {
      if (Math.abs(skew) > LARGEST_SKEW_MS) throw unsound(`${inSeconds(skew)} s from the clock of the database`);
      if (Math.abs(jump()) > LARGEST_SKEW_MS) throw unsound(`jumped by ${inSeconds(jump())} s`);
      return new Date(wall());
    },
    async compare(reference) {
      const before = monotonic();
      const theirs = await reference();
      const took = monotonic() - before;
      if (took > SLOW_MS) return;
      skew = wall() - took / 2 - theirs.getTime();
      if (Math.abs(skew) > LARGEST_SKEW_MS) return;
      // Slow drift is followed; a jump back never is, and one ahead only as far as a machine sleeps.
      if (Math.abs(jump()) <= LARGEST_SKEW_MS || (jump() > 0 && jump() <= LONGEST_SLEEP_MS)) base += jump();
    },
  };
}

const inSeconds = (ms: number): number => Math.round(ms / 1_000);

const unsound = (detail: string): Outage =>
  new Outage(
    'clock',
    `the clock of this machine is not to be believed: ${detail}; set it right, then start this role again`,
  );
