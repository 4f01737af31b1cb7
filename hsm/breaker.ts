// After several failures in a row nothing is asked of the token for a while; then one call probes it. Callers learn at once that
// there is no signature to be had, instead of each waiting for its deadline.

export type Breaker = {
  state(): 'closed' | 'open' | 'half-open';
  /** Whether a call may go on; when half open, only the first one may, and it is the probe. */
  admit(): boolean;
  succeeded(): void;
  failed(): void;
  /** The call told nothing of the token; if it was the probe, the next one is. */
  passed(): void;
};

/** `now` is a monotonic clock in milliseconds; the back-off doubles from `first` to `longest` with every failed probe. */
export function openBreaker(options: {
  failures: number;
  backoffMs: { first: number; longest: number };
  now: () => number;
}): Breaker {
  const { failures, backoffMs, now } = options;
  let inARow = 0;
  let openUntil: number | undefined;
  let probing = false;
  let backoff = backoffMs.first;

  const trip = (): void => {
    openUntil = now() + backoff;
    backoff = Math.min(2 * backoff, backoffMs.longest);
    probing = false;
  };
  const state = (): 'closed' | 'open' | 'half-open' => {
    if (openUntil === undefined) return 'closed';
    return now() < openUntil ? 'open' : 'half-open';
  };
  return {
    state,
    admit() {
      if (state() === 'closed') return true;
      if (state() === 'open' || probing) return false;
      probing = true;
      return true;
    },
    succeeded() {
      inARow = 0;
      openUntil = undefined;
      probing = false;
      backoff = backoffMs.first;
    },
    passed() {
      probing = false;
    },
    failed() {
      inARow += 1;
      if (probing || (openUntil === undefined && inARow >= failures)) trip();
    },
  };
}
