// Completes package-lock.json after `npm install`: where a registry does not serve the builds of a tool for other platforms, npm
// leaves them out of the lockfile, and `npm ci` of npm 11 and later then refuses it. Run as `npm run lockfile`; a test looks after it.
import { readFileSync, writeFileSync } from 'node:fs';

type LockedPackage = {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
type Packages = Readonly<Record<string, LockedPackage>>;

/** A build of a tool for one platform that its package asks for and the lockfile does not name. */
type MissingBuild = { readonly path: string; readonly entry: LockedPackage };

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The optional packages that `packages` asks for and does not hold; each entry names its platform, so that npm skips it elsewhere. */
export function missingBuilds(packages: Packages): MissingBuild[] {
  const missing = new Map<string, LockedPackage>();
  for (const [parent, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isLocked(packages, parent, name)) continue;
      const { os, cpu, libc } = platformOf(name);
      // in npm's own order, so that npm leaves the lines as they are
      const entry = { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os };
      missing.set(`node_modules/${name}`, entry);
    }
  }
  return [...missing].map(([path, entry]) => ({ path, entry }));
}

/** Node's rule: a package is looked for in the node_modules of every enclosing package. */
function isLocked(packages: Packages, parent: string, name: string): boolean {
  if (packages[`${parent === '' ? '' : `${parent}/`}node_modules/${name}`] !== undefined) return true;
  if (parent === '') return false;
  return isLocked(packages, parent.slice(0, Math.max(0, parent.lastIndexOf('node_modules/') - 1)), name);
}

/** `@biomejs/cli-linux-arm64-musl` → os linux, cpu arm64, libc musl; an entry without a platform would be fetched everywhere. */
function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined) throw new Error(`no platform can be read from the package name ${name}`);
  return { os: [os], cpu: [cpu], ...(words.some((word) => word.startsWith('musl')) && { libc: ['musl'] }) };
}

function completeLockfile(file: string): void {
  const lock: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingBuilds(lock.packages);
  for (const { path, entry } of missing) lock.packages[path] = entry;
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.error(`${file}: ${missing.length} builds for other platforms added`);
}

if (import.meta.main) completeLockfile('package-lock.json');
