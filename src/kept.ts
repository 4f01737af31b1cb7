// An answer that all who ask at about the same time share.

/** Anybody may ask, so the parts are asked once in so many milliseconds at most. */
const KEPT_MS = 1_000;

/** Answers what `ask` answered, to all who come within a second of its being asked; a failure is not kept. */
export function keptForASecond<T>(ask: () => Promise<T>): () => Promise<T> {
  let kept: { readonly answer: Promise<T>; readonly at: number } | undefined;
  return async () => {
    const now = performance.now();
    if (kept === undefined || now - kept.at >= KEPT_MS) kept = { answer: ask(), at: now };
    const { answer } = kept;
    try {
      return await answer;
    } catch (error) {
      if (kept?.answer === answer) kept = undefined;
      throw error;
    }
  };
}
