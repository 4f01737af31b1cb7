// The one thing that tests fake: a clock that runs like the machine's, ahead of it by what a file says. In-process Systems read it,
// and so do signers started with it; processes of the service itself know nothing of it.

import { readFileSync, writeFileSync } from 'node:fs';

export type TestClock = {
  /** the file with the milliseconds that the clock is ahead */
  readonly file: string;
  now(): Date;
  /** from now on the clock shows this moment and runs on */
  moveTo(moment: Date): void;
  advance(milliseconds: number): void;
};

/** A clock that shows the machine's time until it is moved. */
export function createClock(file: string): TestClock {
  let ahead = 0;
  const set = (milliseconds: number): void => {
    ahead = milliseconds;
    writeFileSync(file, String(ahead));
  };
  set(0);
  return {
    file,
    now: () => new Date(Date.now() + ahead),
    moveTo: (moment) => set(moment.getTime() - Date.now()),
    advance: (milliseconds) => set(ahead + milliseconds),
  };
}

/** What such a clock shows, for a process that knows its file. */
export const readClock = (file: string): Date => new Date(Date.now() + Number(readFileSync(file, 'utf8')));
