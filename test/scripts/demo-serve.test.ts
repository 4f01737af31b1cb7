// The commands that `npm run demo -- --serve` prints, and those of LISEZMOI.md, pasted into a shell while the service runs; then the
// demo is killed.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './parent.ts';
import { type Demo, demoDirectory, processesOf, removeDirectory, startDemo, temporaryFolderOf } from './run-demo.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
let directory = '';
let demo: Demo;
/** the blocks of the printed text, by the title above each */
let blocks: ReadonlyMap<string, string>;

beforeAll(async () => {
  directory = await demoDirectory();
  demo = startDemo(directory, '--serve');
  await Promise.race([demo.ended, until(() => isPrinted(demo.stdout()))]);
  const [, printed = ''] = demo.stdout().split(`in ${CHECKOUT}:\n\n`);
  blocks = new Map(
    printed
      .trim()
      .split('\n\n')
      .map((block) => [block.slice(0, block.indexOf('\n')), block] as const),
  );
}, 180_000);

afterAll(async () => {
  demo.kill();
  await demo.ended;
  await until(() => processesOf(directory).length === 0);
  removeDirectory(directory);
});

describe('a command that the demo prints', () => {
  it('works as pasted, in one shell from the first to the last, and again', async () => {
    const text = [...blocks.values()].join('\n');
    const ids: (string | undefined)[] = [];
    for (const _ of ['first', 'again']) {
      const said = await paste(text);
      ids.push(/^201\n([0-9a-f-]{36})$/m.exec(said)?.[1]);
      expect(said).toContain('"name":"serv-ssl"');
      expect(said).toMatch(/mine\.pem'?: OK\n/);
      expect(said).toContain(`{"certificates":[{"id":"${ids.at(-1)}",`);
      expect(said).toMatch(new RegExp(`^"${ids.at(-1)}","serv-ssl","revoked",`, 'm'));
      expect(readFileSync(join(directory, 'mine', 'certificates.csv'), 'utf8')).toContain(`"${ids.at(-1)}"`);
      expect([...said.matchAll(/mine\.pem: (\w+)$/gm)].map((match) => match[1])).toEqual(['OK', 'good', 'revoked']);
      expect(said).toMatch(/^ok {4}database /m);
      expect(said).not.toMatch(/^(warn|fail) /m);
      expect(said).toContain('X509v3 CRL Number');
      expect(said).toMatch(/^userCertificate;binary:: MII/m);
      expect(said).toMatch(/^crlNumber=0x[0-9A-F]+$/m);
      expect(said).toMatch(/^2m +\S+ +due +dsi@ch-demonstration\.fr$/m);
      expect(said).toMatch(/^Subject: \[Essai\] .* : mine\.ch-demonstration\.fr$/m);
      expect(said).toContain('summary: Revoke a certificate');
    }
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(undefined);
  }, 120_000);

  it('carries --resolve and --cacert where it calls the API', () => {
    const calls = [...blocks.values()].filter((block) => block.includes('https://'));
    expect(calls.length).toBeGreaterThan(3);
    for (const call of calls) expect(call).toMatch(/curl -sS --resolve \S+:127\.0\.0\.1 --cacert /);
  });

  it('never asks for a bare node', () => {
    expect([...blocks.values()].join('\n')).not.toMatch(/(^|[;&|(]\s*)node\b/m);
  });

  it('comes with an environment for igc that only its owner can read, and that holds no PIN', () => {
    const file = join(temporaryFolderOf(directory), 'env.sh');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const environment = readFileSync(file, 'utf8');
    for (const token of ['root', 'issuing', 'ocsp']) {
      const pin = readFileSync(join(directory, 'state', `${token}.pin`), 'utf8').trim();
      expect(environment).not.toContain(pin);
      expect(environment).toContain(`/${token}.pin`);
    }
  });
});

describe('LISEZMOI.md', () => {
  /** Its commands, for the folder and the ports of this demo; `npm` is what other tests run. */
  function commands(): string {
    const printed = [...blocks.values()].join('\n');
    const [, apiPort = ''] = /https:\/\/[^:/]+:(\d+)\//.exec(printed) ?? [];
    const [, publicPort = ''] = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(printed) ?? [];
    return [...readFileSync(join(CHECKOUT, 'LISEZMOI.md'), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)]
      .map(([, block = '']) => block)
      .filter((block) => !block.startsWith('npm '))
      .join('')
      .replaceAll('var/demo', `'${directory}'`)
      .replaceAll('8443', apiPort)
      .replaceAll('8080', publicPort);
  }

  it('shows commands that work as pasted, one after another', async () => {
    const said = await paste(commands());
    expect(said).toContain('"name":"serv-ssl"');
    expect(said).toMatch(/^201\n[0-9a-f-]{36}$/m);
    expect([...said.matchAll(/mon-serveur\.pem: (\w+)$/gm)].map(([, word]) => word)).toEqual(['OK', 'good', 'revoked']);
    const id = /^201\n([0-9a-f-]{36})$/m.exec(said)?.[1];
    expect(said).toContain(`{"certificates":[{"id":"${id}",`);
    expect(readFileSync(join(directory, 'mine', 'certificats.csv'), 'utf8')).toContain(`"${id}","serv-ssl","issued",`);
    expect(said).toContain('"code":"key_reused"');
    expect(said).toContain('générez une nouvelle bi-clé');
    expect(said).toMatch(/^Subject: \[Essai\] .* : mon-serveur\.ch-demonstration\.fr$/m);
    expect(said).toMatch(/"reason":"superseded"/);
    expect(said).toContain('X509v3 CRL Number');
    expect(said).toMatch(/^ok {4}database /m);
    expect(said).not.toMatch(/^(warn|fail) /m);
  }, 60_000);
});

describe('a demo that is killed', () => {
  it('takes everything with it: processes, database, temporary folder', async () => {
    expect(processesOf(directory).length).toBeGreaterThan(5);
    demo.kill();
    await demo.ended;
    await until(() => processesOf(directory).length === 0 && !existsSync(temporaryFolderOf(directory)));
  });
});

const isPrinted = (stdout: string): boolean => stdout.includes('/openapi.yaml') && stdout.endsWith('\n');

/** What a shell in the project's folder says on both streams; rejects when a command fails. */
function paste(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const shell = execFile('sh', ['-eu'], { cwd: CHECKOUT, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new Error(`the shell ended with ${error.code}: ${stdout}\n${stderr}`));
    });
    shell.stdin?.end(`${text}\n`);
  });
}
