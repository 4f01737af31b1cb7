// What main.ts holds of a role that it started.

export type RunningRole = {
  /** Ends the work under way, then closes what the role opened; asked twice it does nothing more. */
  stop(): Promise<void>;
  /** resolves with an exit code when the role finds that it cannot go on; never rejects */
  readonly failed?: Promise<number>;
};
