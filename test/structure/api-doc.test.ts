// docs/api.md is executed: its commands compute what the service computes, and its figures are those of the code.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { API_LIMITS, apiRates, publicRate } from '../../src/http/limits.ts';
import { EXTRACT_ROWS } from '../../src/ra/list-certificates.ts';
import { STORE_PAGE } from '../../src/store/search.ts';
import { keyDigest } from '../../src/x509/keys.ts';

const DOCUMENT = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const commands = [...DOCUMENT.matchAll(/```bash\n# (.*)\n([\s\S]*?)```/g)].map(([, title = '', command = '']) => ({
  title,
  command,
}));

const KEYS: Readonly<Record<string, () => { publicKey: import('node:crypto').KeyObject }>> = {
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'EC on P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'EC on P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
};

describe('docs/api.md', () => {
  it('has a command for every kind of key', () => {
    expect(commands.map(({ title }) => title)).toEqual(Object.keys(KEYS));
  });

  it.each(commands)('computes the digest of a key: $title', ({ title, command }) => {
    const key = KEYS[title]?.().publicKey;
    const spki = key?.export({ type: 'spki', format: 'der' }) ?? Buffer.alloc(0);
    const directory = mkdtempSync(join(tmpdir(), 'igc-digest-'));
    try {
      writeFileSync(join(directory, 'key.pem'), key?.export({ type: 'spki', format: 'pem' }) ?? '');
      const printed = execFileSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' });
      expect(printed.split(' ')[0]).toBe(Buffer.from(keyDigest(spki)).toString('hex'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('has the figures of the code', () => {
    const { acts, reads, strangers } = apiRates();
    const table = [...DOCUMENT.matchAll(/\| +([\d,]+) \| `([A-Z_]+)`/g)].map(([, figure = '', name]) => [
      name,
      Number(figure.replace(',', '')),
    ]);
    expect(table).toEqual([
      ['API_ACTS_PER_SECOND', acts?.perSecond],
      ['API_READS_PER_SECOND', reads?.perSecond],
      ['API_STRANGERS_PER_SECOND', strangers?.perSecond],
      ['PUBLIC_REQUESTS_PER_SECOND', publicRate()?.perSecond],
    ]);
    const { maxConnections, maxConnectionsPerAddress, strangers: nobodys } = API_LIMITS;
    const caps = [maxConnections, maxConnectionsPerAddress, nobodys.inAll, nobodys.perAddress, nobodys.perKnownAddress];
    const told = /Open at once are at most ([\s\S]*?)\. A handshake/.exec(DOCUMENT)?.[1]?.match(/\d+(?:,\d{3})*/g);
    expect(told).toEqual(caps.map((cap) => cap.toLocaleString('en')));
    expect(DOCUMENT).toContain(`At most ${STORE_PAGE} come at once`);
    expect(DOCUMENT).toContain(`up to ${EXTRACT_ROWS.toLocaleString('en')} certificates`);
  });
});
