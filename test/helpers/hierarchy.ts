// The TEST hierarchy with its tokens, made by `igc hierarchy create` once in each checkout and kept in var/test: nine RSA-4096
// keys take half a minute. Tests work on copies, so that nothing they do to a token or a list is seen by another.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockCeremony } from '../../src/ca/ceremony-lock.ts';
import { Refusal } from '../../src/errors.ts';
import { keepPins } from './run-log.ts';
import { SURROUNDINGS } from './surroundings.ts';
import { installed } from './token.ts';

export type TestHierarchy = {
  /** the folder with everything in it */
  readonly root: string;
  /** HIERARCHY_DIRECTORY: certificates, journal, hierarchy.json */
  readonly directory: string;
  /** SOFTHSM2_CONF of a process that opens these tokens */
  readonly softhsmConf: string;
  /** where SoftHSM keeps them */
  readonly tokens: string;
  /** path of the PKCS#11 module */
  readonly module: string;
  readonly pinFiles: { readonly root: string; readonly issuing: string; readonly ocsp: string };
  /** everything that igc, a signer or a role needs to find this hierarchy; DATABASE_URL and SIGNER_SOCKETS are not in it */
  readonly environment: Readonly<Record<string, string>>;
};

export type HierarchyCopy = TestHierarchy & {
  /** removes the folder of this copy */
  remove(): void;
};

const CHECKOUT = join(import.meta.dirname, '..', '..');
const SOURCES = [
  'policies/hierarchy/test.yaml',
  'src/ca/create-hierarchy.ts',
  'src/ca/ceremony-*.ts',
  'src/policy/authority.ts',
  'src/policy/hierarchy.ts',
  'hsm/ceremony.ts',
  'hsm/key-generation.ts',
];

/** The hierarchy that every test of this checkout shares, made if it is not there yet. To be read, or copied. */
export async function sharedHierarchy(): Promise<TestHierarchy> {
  const root = join(CHECKOUT, 'var', 'test', `hierarchy-${digestOfSources()}`);
  const hierarchy = layOut(root);
  const complete = join(root, 'complete');
  if (existsSync(complete)) return hierarchy;
  const unlock = await lockPatiently(`${root}.lock`);
  try {
    if (!existsSync(complete)) {
      writeConfiguration(hierarchy);
      create(hierarchy);
      writeFileSync(complete, '');
    }
  } finally {
    unlock();
  }
  return hierarchy;
}

/** A copy of the shared hierarchy: the same keys and certificates, in a folder of its own. */
export async function copyHierarchy(): Promise<HierarchyCopy> {
  const shared = await sharedHierarchy();
  const copy = emptyHierarchy();
  for (const part of ['tokens', 'hierarchy', 'pins'])
    cpSync(join(shared.root, part), join(copy.root, part), { recursive: true });
  keepPins(join(copy.root, 'pins', '*'));
  return copy;
}

/** A folder with empty tokens and no hierarchy yet, for tests of the ceremony itself. */
export function emptyHierarchy(): HierarchyCopy {
  const root = mkdtempSync(join(tmpdir(), 'igc-hierarchy-'));
  const hierarchy = layOut(root);
  writeConfiguration(hierarchy);
  const remove = (): void => {
    // those that a ceremony made
    keepPins(join(root, 'pins', '*'));
    rmSync(root, { recursive: true, force: true });
  };
  return { ...hierarchy, remove };
}

function layOut(root: string): TestHierarchy {
  const module = installed('PKCS11_MODULE');
  const softhsmConf = join(root, 'softhsm2.conf');
  const directory = join(root, 'hierarchy');
  const pin = (token: string): string => join(root, 'pins', `${token}.pin`);
  const pinFiles = { root: pin('root'), issuing: pin('issuing'), ocsp: pin('ocsp') };
  return {
    root,
    directory,
    softhsmConf,
    tokens: join(root, 'tokens'),
    module,
    pinFiles,
    environment: {
      SOFTHSM2_CONF: softhsmConf,
      PKCS11_MODULE: module,
      HIERARCHY_DIRECTORY: directory,
      ROOT_PIN_FILE: pinFiles.root,
      ISSUING_PIN_FILE: pinFiles.issuing,
      OCSP_PIN_FILE: pinFiles.ocsp,
      SIGNER_STATE: join(root, 'signer-state'),
    },
  };
}

function writeConfiguration({ root, tokens, softhsmConf }: TestHierarchy): void {
  mkdirSync(tokens, { recursive: true });
  mkdirSync(join(root, 'pins'), { recursive: true, mode: 0o700 });
  writeFileSync(softhsmConf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
}

function create({ environment }: TestHierarchy): void {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/igc.ts', 'hierarchy', 'create', '--generate-pins'], {
    cwd: CHECKOUT,
    env: { ...SURROUNDINGS, ...environment },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`igc hierarchy create ended with ${status}:\n${stderr}`);
}

/** The ceremony's own lock refuses a second ceremony at once; a test waits for the first. */
async function lockPatiently(directory: string): Promise<() => void> {
  for (;;) {
    try {
      return lockCeremony(directory);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      await sleep(200);
    }
  }
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  for (const file of globSync(SOURCES, { cwd: CHECKOUT }).sort())
    hash.update(file).update(readFileSync(join(CHECKOUT, file)));
  return hash.digest('hex').slice(0, 12);
}
