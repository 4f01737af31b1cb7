// When the public's view is looked at.

/** A machine that starts has its other roles up by then: what is not there yet is no finding. */
const FIRST_MS = 60_000;
const EVERY_MS = 5 * 60_000;
/** What was wrong, and a look that failed, is looked at again soon, so that an alarm does not outlast its reason. */
const AGAIN_MS = 60_000;

/**
 * A step for a loop that looks when it is time. `look` answers how many things are wrong, or undefined when it did not look;
 * `monotonic` gives milliseconds that never jump.
 */
export function createObserving(
  look: () => Promise<number | undefined>,
  monotonic: () => number = () => performance.now(),
): () => Promise<void> {
  let next = monotonic() + FIRST_MS;
  return async () => {
    if (monotonic() < next) return;
    next = monotonic() + AGAIN_MS;
    const wrong = await look();
    if (wrong === 0) next = monotonic() + EVERY_MS;
  };
}
