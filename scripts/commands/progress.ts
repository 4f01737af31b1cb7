// What long work tells meanwhile, on stderr: a live line with its seconds where a person watches a terminal, and plain lines, one for
// each step that is over, where a log takes them. Results never go this way.

import { printable } from './output.ts';

export type Progress = {
  /** one more step begins; on a terminal it is shown until it ends */
  begin(step: string): void;
  /** it is over; `line` says so for good */
  end(line?: string): void;
  /** a line that stays, and that is shown as under way until the next one comes */
  say(line: string): void;
  /** clears what is shown as under way; may be called twice */
  stop(): void;
};

export type Terminal = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

const TICK_MS = 200;
/** Erases the line and goes to its beginning. */
const CLEAR = '\r\u001b[2K';

/** Starts to tell of `total` steps, or of an unknown number. */
export function startProgress(total?: number, terminal: Terminal = process.stderr): Progress {
  return terminal.isTTY === true ? liveProgress(terminal, total) : plainProgress(terminal);
}

function plainProgress(terminal: Terminal): Progress {
  const say = (line: string): void => {
    terminal.write(`${printable(line)}\n`);
  };
  return {
    begin: () => undefined,
    end: (line) => (line === undefined ? undefined : say(line)),
    say,
    stop: () => undefined,
  };
}

function liveProgress(terminal: Terminal, total: number | undefined): Progress {
  let count = 0;
  let live: { readonly text: string; readonly since: number; readonly stays: boolean } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const show = (): void => {
    if (live === undefined) return;
    const seconds = `  ${Math.floor((performance.now() - live.since) / 1_000)} s`;
    terminal.write(CLEAR + live.text.slice(0, (terminal.columns ?? 80) - seconds.length - 1) + seconds);
  };
  const stop = (): void => {
    clearInterval(timer);
    if (live !== undefined) terminal.write(CLEAR + (live.stays ? `${live.text}\n` : ''));
    live = undefined;
  };
  const start = (text: string, stays: boolean): void => {
    stop();
    live = { text: printable(text), since: performance.now(), stays };
    show();
    timer = setInterval(show, TICK_MS);
  };
  return {
    begin(step) {
      count += 1;
      start(total === undefined || total === 1 ? step : `[${count}/${total}] ${step}`, false);
    },
    end(line) {
      stop();
      if (line !== undefined) terminal.write(`${printable(line)}\n`);
    },
    say: (line) => start(line, true),
    stop,
  };
}
