// Where the processor time of a window went: process by process, and inside those that were profiled, room by room. For people only.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessTimes, timeOf } from './cpu.ts';
import { remark, table } from './figures.ts';
import type { Measured } from './measure.ts';
import { foldProfile, readProfile } from './profile.ts';
import type { Role, Running } from './service.ts';

const PROFILED: readonly Role[] = ['api', 'signer issuing'];
const INTERVAL_US = 250;
const FUNCTIONS = 25;

/** Options of Node that make the roles worth it write their profiles into `folder` when they end. */
export function profileOptions(folder: string): (role: Role) => string {
  mkdirSync(folder, { recursive: true });
  return (role) =>
    PROFILED.includes(role) ? `--cpu-prof --cpu-prof-interval=${INTERVAL_US} --cpu-prof-dir=${folder}` : '';
}

const spent = ({ before, after, answers }: Measured, pid: number): number => {
  const of = (processes: readonly ProcessTimes[]): number => timeOf(processes, pid);
  return (of(after) - of(before)) / answers;
};

/** Each process's microseconds for one answer; `postmaster` stands for all of PostgreSQL. */
export function tellProcesses(measured: Measured, roles: readonly Running[], postmaster: number): void {
  remark('\nmicroseconds of processor time for a certificate, by process');
  const each = roles.map(({ role, child }): [string, number] => [role, spent(measured, child.pid ?? 0)]);
  table([
    ...each,
    ['PostgreSQL', spent(measured, postmaster)],
    ['(generator of load)', spent(measured, measured.generator)],
  ]);
}

/** The profiles of one window, once their processes have ended. */
export function tellProfiles(measured: Measured, roles: readonly Running[], folder: string): void {
  for (const { role, child } of roles.filter((one) => PROFILED.includes(one.role))) {
    // CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile
    const files = readdirSync(folder).filter((name) => name.split('.')[3] === String(child.pid));
    for (const name of files.sort()) tellThread(measured, `${role}, thread ${name.split('.')[4]}`, join(folder, name));
  }
}

function tellThread(measured: Measured, title: string, file: string): void {
  const { categories, functions } = foldProfile(readProfile(file), measured.began, measured.ended);
  const rows = (sums: ReadonlyMap<string, number>): [string, number][] =>
    [...sums].sort(([, a], [, b]) => b - a).map(([name, value]) => [name, value / measured.answers]);
  const shorter = (name: string): string => name.replace(/file:\/\/\S*?\/(?=src\/|db\/|hsm\/|node_modules\/)/, '');
  remark(`\nmicroseconds of ${title} for a certificate, by room`);
  table(rows(categories));
  remark(`\nand in single functions, native work included (${file})`);
  table(
    rows(functions)
      .slice(0, FUNCTIONS)
      .map(([name, value]) => [shorter(name), value]),
  );
}
