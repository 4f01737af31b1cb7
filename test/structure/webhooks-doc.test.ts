// docs/webhooks.md is executed: what it tells a receiver to do knows what we sign, and what it shows is what we say.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from '#db/schema/webhooks.ts';
import { webhookSignature } from '../../src/webhook-signature.ts';
import { documentOf } from '../../src/webhooks/document.ts';
import { webhookSecret } from '../../src/webhooks/secret.ts';

const DOCUMENT = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(DOCUMENT)?.[1] ?? '';
const ID = '0199aa00-0000-7000-8000-000000000000';
const MASTER = '0123456789abcdef0123456789abcdef';
const [OLD, NEW] = [webhookSecret(MASTER, ID, 1), webhookSecret(MASTER, ID, 2)];
const BODY = '{"event":"certificate.issued","of":"l’hôpital"}';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'igc-webhooks-doc-'));
  writeFileSync(
    join(folder, 'genuine.py'),
    `${block('python')}
import sys
print("genuine" if is_genuine(sys.argv[1], sys.argv[2], open("body.json", "rb").read()) else "forged")
`,
  );
  writeFileSync(
    join(folder, 'genuine.mjs'),
    `${block('js')}
import { readFileSync } from 'node:fs';
console.log(isGenuine(process.argv[2], process.argv[3], readFileSync('body.json')) ? 'genuine' : 'forged');
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

type Ask = (secret: string, signature: string) => string;
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8' }).trim();
const RECEIVERS: readonly (readonly [name: string, ask: Ask])[] = [
  [
    'shell',
    (secret, signature) =>
      execFileSync('sh', ['-c', block('bash')], {
        ...{ cwd: folder, encoding: 'utf8' },
        env: { PATH: process.env.PATH, secret, signature },
      }).trim(),
  ],
  ['Python', (secret, signature) => run('python3', 'genuine.py', secret, signature)],
  ['JavaScript', (secret, signature) => run(process.execPath, 'genuine.mjs', secret, signature)],
];

describe.each(RECEIVERS)('a receiver in %s', (_, ask) => {
  const signed = (secrets: readonly string[], ageMs = 0): string =>
    webhookSignature(Buffer.from(BODY), secrets, new Date(Date.now() - ageMs));

  it('knows what is ours, under its own secret, and under both while that is changed', () => {
    writeFileSync(join(folder, 'body.json'), BODY);
    expect(ask(OLD, signed([OLD]))).toBe('genuine');
    expect(ask(OLD, signed([NEW, OLD]))).toBe('genuine');
    expect(ask(NEW, signed([NEW, OLD]))).toBe('genuine');
  });

  it('refuses another secret, another body, another time, and what is old', () => {
    writeFileSync(join(folder, 'body.json'), BODY);
    expect(ask(NEW, signed([OLD]))).toBe('forged');
    expect(ask(OLD, signed([OLD]).replace(/t=\d+/, `t=${Math.floor(Date.now() / 1_000) - 1}`))).toBe('forged');
    expect(ask(OLD, signed([OLD], 400_000))).not.toBe('genuine');
    writeFileSync(join(folder, 'body.json'), BODY.replace('issued', 'revoked'));
    expect(ask(OLD, signed([OLD]))).toBe('forged');
  });
});

it('the secret of a webhook is what openssl derives from the master secret', () => {
  const derived = run(
    ...(['openssl', 'kdf', '-keylen', '32', '-kdfopt', 'digest:SHA256', '-kdfopt', `key:${MASTER}`] as const),
    ...(['-kdfopt', 'salt:', '-kdfopt', `info:igc webhook ${ID} 2`, '-binary', '-out', 'derived', 'HKDF'] as const),
  );
  expect(derived).toBe('');
  expect(readFileSync(join(folder, 'derived')).toString('base64')).toBe(NEW);
});

describe('docs/webhooks.md', () => {
  it('has every event', () => {
    expect([...DOCUMENT.matchAll(/^\| `(certificate\.[a-z_]+)`/gm)].map(([, event]) => event)).toEqual([
      ...WEBHOOK_EVENTS,
    ]);
  });

  it('shows a document as it is told', () => {
    const certificate = {
      ...{ id: ID, profile: 'serv-ssl', issuer: 'ACI-EL-ORG-TEST', structure: '10B0057881' },
      serial: '42a0000000000000000000000000000a',
      notBefore: new Date('2023-12-29T10:00:00Z'),
      notAfter: new Date('2026-12-29T10:00:00Z'),
      revokedAt: null,
    };
    const told = { event: 'certificate.expiring', threshold: '30d', reason: null, certificate } as const;
    const said = documentOf({ ...told, occurredAt: new Date('2026-11-29T10:00:00Z') });
    expect(JSON.stringify(said, null, 2)).toBe(block('json').trim());
  });
});
