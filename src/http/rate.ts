// How often one caller may come: a bucket of tokens for each, filled at a steady rate. What is kept is bounded: of more callers than
// fit, those who have been silent longest are forgotten, which gives them a full bucket.

export type Rate = {
  /** tokens that come back each second */
  readonly perSecond: number;
  /** tokens of a full bucket */
  readonly burst: number;
};

export type Buckets = {
  /** Takes a token of this caller; answers 0, or how many seconds to wait for the next one. */
  take(caller: string): number;
  /** Gives back a token that was taken for nothing. */
  giveBack(caller: string): void;
};

type Remembering = { readonly monotonic?: () => number; readonly remembered?: number };
type Bucket = { tokens: number; at: number };

/** Callers that are remembered: some 2 MB. */
const REMEMBERED = 20_000;

/** Buckets that are full at first; without a rate nobody waits. `monotonic` gives milliseconds that never jump. */
export function createBuckets(
  rate: Rate | undefined,
  { monotonic = () => performance.now(), remembered = REMEMBERED }: Remembering = {},
): Buckets {
  if (rate === undefined) return { take: () => 0, giveBack: () => undefined };
  const { perSecond, burst } = rate;
  const buckets = new Map<string, Bucket>();

  /** The bucket as it is now, moved to where the latest callers are. */
  function bucketOf(caller: string): Bucket {
    const now = monotonic();
    const known = buckets.get(caller);
    const refilled = known === undefined ? burst : known.tokens + ((now - known.at) / 1000) * perSecond;
    const bucket = { tokens: Math.min(burst, refilled), at: now };
    buckets.delete(caller);
    buckets.set(caller, bucket);
    if (buckets.size > remembered) {
      const [silent] = buckets.keys();
      if (silent !== undefined) buckets.delete(silent);
    }
    return bucket;
  }

  return {
    take(caller) {
      const bucket = bucketOf(caller);
      if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
      bucket.tokens -= 1;
      return 0;
    },
    giveBack(caller) {
      const bucket = bucketOf(caller);
      bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
  };
}

/** Callers of the last `milliseconds`, the latest of them when there are too many. */
export function createMemory(
  milliseconds: number,
  { monotonic = () => performance.now(), remembered = REMEMBERED }: Remembering = {},
): { add(caller: string): void; has(caller: string): boolean } {
  const seen = new Map<string, number>();
  return {
    add(caller) {
      seen.delete(caller);
      seen.set(caller, monotonic());
      if (seen.size <= remembered) return;
      const [silent] = seen.keys();
      if (silent !== undefined) seen.delete(silent);
    },
    has(caller) {
      const at = seen.get(caller);
      return at !== undefined && monotonic() - at < milliseconds;
    },
  };
}
