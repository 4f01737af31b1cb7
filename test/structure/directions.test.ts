// Holds the picture of the house: which room may import which, and which room is the only door to an outside package.

import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const sources = globSync('{src,db,hsm}/**/*.ts', { cwd: ROOT }).sort();

type Import = { readonly file: string; readonly target: string };

/** Every static and dynamic import of a file, relative ones as paths from the project's root. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => ({
    file,
    target: specifier.startsWith('.')
      ? relative(ROOT, join(ROOT, file, '..', specifier))
      : specifier.replace(/^#(db|hsm)\//, '$1/'),
  }));
}

const imports = sources.flatMap(importsOf);
const room = (path: string): string => /^(src\/[a-z0-9]+|db|hsm)\//.exec(path)?.[1] ?? path;

/** The top files of src that any use case may know: words and types that all share, no effects of their own. */
const SHARED = [
  'src/errors.ts',
  'src/authority.ts',
  'src/actor.ts',
  'src/sign.ts',
  'src/system.ts',
  'src/config.ts',
  'src/log.ts',
  'src/loop.ts',
  'src/kept.ts',
  'src/patience.ts',
  'src/meter.ts',
  'src/fetch.ts',
  'src/webhook-signature.ts',
  'src/webhook-post.ts',
  'src/webhook-secret.ts',
];
const PURE = ['src/x509', 'src/identifiers', 'src/policy'];
const DOORS = ['db', 'hsm'];
/** A leaf that all use cases share: whoever finds something wrong raises an alarm, and alarms know nobody. */
const ALARMS = 'src/alarms';
const USE_CASES = [
  'src/ca',
  'src/crl',
  'src/ocsp',
  'src/ra',
  'src/audit',
  'src/store',
  'src/upkeep',
  'src/observer',
  'src/directory',
  'src/notices',
  'src/webhooks',
];

const ALLOWED: Record<string, readonly string[]> = {
  'src/x509': ['src/errors.ts'],
  'src/identifiers': ['src/errors.ts', 'src/x509'],
  'src/policy': ['src/errors.ts', 'src/x509', 'src/identifiers'],
  db: ['src/errors.ts', 'src/x509'],
  hsm: ['src/errors.ts', 'src/x509'],
  ...Object.fromEntries(USE_CASES.map((name) => [name, [...SHARED, ...PURE, ...DOORS, ALARMS]])),
  [ALARMS]: [...SHARED, 'db'],
  'src/ra': [...SHARED, ...PURE, ...DOORS, ALARMS, 'src/ca'],
  'src/http': [...SHARED, ...PURE, ...USE_CASES],
  'src/worker': [...SHARED, ...PURE, ...DOORS, ...USE_CASES, ALARMS],
  'src/metrics': [...SHARED, ...PURE, ...DOORS, ...USE_CASES, ALARMS],
};

const ONE_DOOR: readonly (readonly [packages: RegExp, door: RegExp])[] = [
  [/^(drizzle-orm|pg)(\/|$)/, /^db\//],
  [/^pkcs11js$/, /^hsm\//],
  [/^(fastify|@fastify\/.*)$/, /^src\/http\//],
  [/^graphile-worker$/, /^src\/worker\//],
  [/^ldapts$/, /^src\/directory\/ldap(-lengths)?\.ts$/],
  [/^nodemailer$/, /^src\/notices\/mail\.ts$/],
  [/^eta$/, /^src\/notices\/templates\.ts$/],
  [/^@prometheus-io\/client$/, /^src\/metrics\/registry\.ts$/],
  [/^(node:)?https?$/, /^src\/(http\/|metrics\/listener\.ts$)/],
  [/^(commander|@clack\/.*)$/, /^scripts\//],
];

describe('the house', () => {
  it('has sources to look at', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it.each(Object.entries(ALLOWED))('%s imports only what lies below it', (name, allowed) => {
    const wrong = imports.filter(
      ({ file, target }) =>
        room(file) === name &&
        /^(src|db|hsm|scripts|test|bench)\//.test(target) &&
        room(target) !== name &&
        !allowed.includes(room(target)),
    );
    expect(wrong).toEqual([]);
  });

  it('gives every room of src a rule', () => {
    const rooms = new Set(sources.map(room).filter((name) => !name.endsWith('.ts')));
    rooms.delete('src/roles');
    expect([...rooms].filter((name) => !(name in ALLOWED))).toEqual([]);
  });

  it.each(ONE_DOOR)('%s has one door', (packages, door) => {
    expect(imports.filter(({ file, target }) => packages.test(target) && !door.test(file))).toEqual([]);
  });

  it('keeps the pure rooms free of files, networks, processes and clocks', () => {
    const effects = /^(node:)?(fs|net|http|https|child_process|timers|worker_threads|os|process|dgram|tls|dns)(\/|$)/;
    const pure = imports.filter(({ file }) => PURE.includes(room(file)) && file !== 'src/policy/load.ts');
    expect(pure.filter(({ target }) => effects.test(target))).toEqual([]);
    const clocks = sources.filter((file) => PURE.includes(room(file)) && file !== 'src/policy/load.ts');
    const reading = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandomBytes\(|\bperformance\.now\(/;
    expect(clocks.filter((file) => reading.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('asks over HTTP in src/fetch.ts alone', () => {
    const asking = sources.filter((file) => /\bfetch\(/.test(readFileSync(join(ROOT, file), 'utf8')));
    expect(asking).toEqual(['src/fetch.ts']);
  });

  it('reads the environment in src/config.ts alone', () => {
    const readers = sources.filter((file) => /\bprocess\.env\b/.test(readFileSync(join(ROOT, file), 'utf8')));
    expect(readers).toEqual(['src/config.ts']);
  });

  it('has no barrel, no manager, no helper', () => {
    expect(
      sources.filter((file) => /(^|\/)(index|.*(manager|helper|util|service|common|base|impl).*)\.ts$/.test(file)),
    ).toEqual([]);
  });
});
