// The files of deploy/systemd as systemd reads them, as far as they are used: no continued lines, no quotes, no sections twice.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', '..', 'deploy', 'systemd');

export const UNITS: readonly string[] = ['signer-issuing', 'signer-ocsp', 'worker', 'public', 'api'];

export type Unit = {
  readonly name: string;
  readonly account: string;
  readonly group: string;
  readonly directory: string;
  readonly command: readonly string[];
  /** its own and that of its files, as written: `%d` stands for the folder of its credentials */
  readonly environment: Readonly<Record<string, string>>;
  /** name in the folder, and where it comes from */
  readonly credentials: readonly (readonly [id: string, source: string])[];
  /** below /var/lib */
  readonly stateDirectory: string | undefined;
  /** every value of a setting of [Service] */
  all(setting: string): readonly string[];
};

type Setting = readonly [name: string, value: string];

const linesOf = (file: string): string[] =>
  readFileSync(join(FOLDER, file), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line));

function assignment(line: string): Setting {
  const equals = line.indexOf('=');
  if (equals < 1) throw new Error(`no assignment: ${line}`);
  return [line.slice(0, equals), line.slice(equals + 1)];
}

/** Reads `igc-sante-<name>.service`. */
export function readUnit(name: string): Unit {
  const lines = linesOf(`igc-sante-${name}.service`);
  const service = lines.slice(lines.indexOf('[Service]') + 1, lines.indexOf('[Install]')).map(assignment);
  const all = (setting: string): string[] => service.flatMap(([key, value]) => (key === setting ? [value] : []));
  const one = (setting: string): string => {
    const [value, ...more] = all(setting);
    if (value === undefined || more.length > 0) throw new Error(`${name}: ${setting} is to be there once`);
    return value;
  };
  const shared = all('EnvironmentFile').flatMap((path) => linesOf(path.slice(path.lastIndexOf('/') + 1)));
  return {
    name,
    account: one('User'),
    group: one('Group'),
    directory: one('WorkingDirectory'),
    command: one('ExecStart').split(' '),
    environment: Object.fromEntries([...shared, ...all('Environment')].map(assignment)),
    credentials: all('LoadCredential').map((value): [string, string] => {
      const [id = '', source = ''] = value.split(':');
      return [id, source];
    }),
    stateDirectory: all('StateDirectory')[0],
    all,
  };
}

export type FolderRule = {
  readonly path: string;
  readonly mode: number;
  readonly user: string;
  readonly group: string;
};

/** The lines `d` of tmpfiles.d(5), which are all that there are. */
export const folderRules = (): FolderRule[] =>
  linesOf('tmpfiles.conf').map((line) => {
    const [type, path = '', mode = '', user = '', group = '', ...more] = line.split(/\s+/);
    if (type !== 'd' || more.length > 0) throw new Error(`no folder: ${line}`);
    return { path, mode: Number.parseInt(mode, 8), user, group };
  });

/** The accounts of sysusers.d(5). */
export const accountNames = (): string[] => linesOf('sysusers.conf').map((line) => line.split(/\s+/)[1] ?? '');
