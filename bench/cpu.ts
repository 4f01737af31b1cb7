// How much processor time a family of processes has had, from Linux's /proc: those that run, and the children that they have buried,
// so that a PostgreSQL backend that ended is counted with its postmaster.

import { readdirSync, readFileSync } from 'node:fs';

export type ProcessTimes = {
  readonly pid: number;
  readonly parent: number;
  /** microseconds in user and kernel mode, of the process with all its threads */
  readonly own: number;
  /** the same of its ended children and of theirs */
  readonly buried: number;
};

/** Microseconds of a tick: USER_HZ is 100 on every Linux. */
const TICK = 10_000;

/** Reads the line of /proc/PID/stat; the command in parentheses may hold anything, parentheses and spaces included. */
export function parseStat(line: string): ProcessTimes {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  // proc(5): state is the third field and the first here, so that field n is at n - 3
  const at = (field: number): number => Number(fields[field - 3]);
  return {
    pid: Number.parseInt(line, 10),
    parent: at(4),
    own: (at(14) + at(15)) * TICK,
    buried: (at(16) + at(17)) * TICK,
  };
}

/** Every process of the machine that can be seen. Throws where there is no /proc. */
export function readProcesses(): ProcessTimes[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** Microseconds of `ancestor` and everything below it, ended children included; `except` is left out with all below it. */
export function timeOf(processes: readonly ProcessTimes[], ancestor: number, except: readonly number[] = []): number {
  const found = processes.find(({ pid }) => pid === ancestor);
  if (found === undefined || except.includes(ancestor)) return 0;
  const below = processes.filter(({ parent, pid }) => parent === ancestor && pid !== ancestor);
  return below.reduce((sum, { pid }) => sum + timeOf(processes, pid, except), found.own + found.buried);
}
