// What the generators of load have in common: so many callers at once, each asking again as soon as it is answered, through a
// warm-up and then a window whose beginning and end are told on stdout, so that others can look at their clocks.

export type Window = { readonly callers: number; readonly warmUpSeconds: number; readonly seconds: number };

/** What was answered inside the window; latencies in milliseconds. */
export type Answered = { readonly answers: number; readonly seconds: number; readonly latencies: readonly number[] };

/** One line of a generator. `at` is microseconds of the monotonic clock, which the processes of a machine share. */
export type LoadEvent =
  | { readonly event: 'begin'; readonly at: number }
  | ({ readonly event: 'end'; readonly at: number } & Answered);

const tell = (event: LoadEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

const now = (): number => Number(process.hrtime.bigint() / 1_000n);

/** Calls `ask` from every caller until the window ends; the first error ends everything. */
export async function generateLoad(window: Window, ask: () => Promise<void>): Promise<void> {
  const begin = now() + window.warmUpSeconds * 1e6;
  const end = begin + window.seconds * 1e6;
  const latencies: number[] = [];
  const caller = async (): Promise<void> => {
    while (now() < end) {
      const asked = performance.now();
      await ask();
      const at = now();
      if (at >= begin && at < end) latencies.push(performance.now() - asked);
    }
  };
  setTimeout(() => tell({ event: 'begin', at: now() }), window.warmUpSeconds * 1e3);
  setTimeout(
    () =>
      tell({
        event: 'end',
        at: now(),
        answers: latencies.length,
        seconds: (now() - begin) / 1e6,
        latencies: latencies.map((ms) => Math.round(ms * 1e3) / 1e3),
      }),
    (window.warmUpSeconds + window.seconds) * 1e3,
  );
  await Promise.all(Array.from({ length: window.callers }, caller));
}
