// How long a delivery is tried, and how long a webhook waits between two tries. Pure.

const DAY = 86_400_000;
const SHORTEST_MS = 30_000;
const LONGEST_MS = 3_600_000;

/** After so long a try that fails is the last. */
export const GIVE_UP_MS = 3 * DAY;

/**
 * The pause after the first, second, … failure in milliseconds: 30 seconds at first, twice as much each time, an hour at most, and of
 * that a part between the half and the whole, by `random` in [0, 1): those that failed together do not come back together.
 */
export const pauseMs = (failures: number, random: number): number =>
  Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(failures - 1, 10)) * (0.5 + random / 2);
