// How often something is tried that failed before: each failure doubles the pause, and one that fails does not hold the others.

export type Patience = {
  /** whether it is time to try this one again */
  readonly mayTry: (id: string) => boolean;
  /** a try failed: the next one waits twice as long as the last, within limits */
  readonly failed: (id: string) => void;
  /** a try had nothing to do: the next one waits this long, in milliseconds */
  readonly rest: (id: string, forMs: number) => void;
  /** a try succeeded: the next failure waits the shortest time again */
  readonly succeeded: (id: string) => void;
};

const SHORTEST_MS = 3_000;
const LONGEST_MS = 10 * 60_000;

/** Keeps a pause for each id; `monotonic` gives milliseconds that never jump. */
export function createPatience(monotonic: () => number = () => performance.now()): Patience {
  const pauses = new Map<string, { readonly until: number; readonly length: number }>();
  return {
    mayTry: (id) => monotonic() >= (pauses.get(id)?.until ?? 0),
    failed(id) {
      const length = Math.min(LONGEST_MS, 2 * (pauses.get(id)?.length ?? SHORTEST_MS / 2));
      pauses.set(id, { until: monotonic() + length, length });
    },
    rest(id, forMs) {
      pauses.set(id, { until: monotonic() + forMs, length: SHORTEST_MS / 2 });
    },
    succeeded(id) {
      pauses.delete(id);
    },
  };
}
