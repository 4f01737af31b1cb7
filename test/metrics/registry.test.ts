// What a scrape shows when parts do not answer, and what the catalogue promises of names.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE, METRICS_PORTS, type MetricDefinition } from '../../src/metrics/catalogue.ts';
import { metricsAddress, namesOnePort } from '../../src/metrics/open.ts';
import { openRegistry } from '../../src/metrics/registry.ts';
import { signerSource } from '../../src/metrics/signer-source.ts';
import { plain } from '../../src/metrics/source.ts';

/** A row of the table for each metric; `|` inside a cell would end it. */
const metricsRows = (): string[] =>
  definitions.map(([name, { type, labels, roles, help, alarm = 'none: to look at' }]) => {
    const series = labels.length === 0 ? `\`${name}\`` : `\`${name}\` {${labels.join(', ')}}`;
    const cells = [series, type, roles.join(', '), help, alarm];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });

const definitions: [string, MetricDefinition][] = Object.entries(CATALOGUE);

describe('a scrape', () => {
  it('leaves out what a part no longer says: never an old value, never 0', async () => {
    const registry = openRegistry('worker');
    let away = false;
    registry.add({
      name: 'backlogs',
      read: () => {
        if (away) throw new Error('away');
        return [plain('igc_outbox_rows', 7)];
      },
    });
    expect(await registry.scrape()).toContain('igc_outbox_rows 7\n');
    away = true;
    const text = await registry.scrape();
    expect(text).not.toMatch(/^igc_outbox_rows /m);
    expect(text).toContain('igc_source_up{source="backlogs"} 0\n');
    expect(text).toContain('igc_source_up{source="process"} 1\n');
  });

  it('does not wait for a part that hangs', async () => {
    const registry = openRegistry('worker');
    registry.add({ name: 'lists', read: () => new Promise(() => undefined) });
    expect(await registry.scrape()).toContain('igc_source_up{source="lists"} 0\n');
  });

  it('asks the parts once for scrapes that come together', async () => {
    const registry = openRegistry('worker');
    let asked = 0;
    registry.add({
      name: 'lists',
      read: async () => {
        asked += 1;
        return [];
      },
    });
    await Promise.all([registry.scrape(), registry.scrape(), registry.scrape()]);
    expect(asked).toBe(1);
  });

  it('shows a signer that is away as down, and says nothing else of its token', async () => {
    const registry = openRegistry('api');
    registry.add(signerSource('issuing', () => Promise.reject(new Error('no socket'))));
    const text = await registry.scrape();
    expect(text).toContain('igc_signer_up{token="issuing"} 0\n');
    expect(text).not.toMatch(/^igc_signer_ready/m);
  });
});

describe('the catalogue', () => {
  it.each(definitions)('%s follows the conventions of Prometheus', (name, { type, help, buckets }) => {
    expect(name).toMatch(/^igc_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(buckets === undefined).toBe(type !== 'histogram');
    expect(help).toMatch(/^[A-Za-z].*\.$/);
  });

  it('has labels whose values are bounded words alone', () => {
    const labels = new Set(definitions.flatMap(([, { labels }]) => labels));
    const bounded = ['code', 'issuer', 'kind', 'operation', 'outcome', 'profile', 'role', 'source', 'state', 'status'];
    expect([...labels].sort()).toEqual([...bounded, 'step', 'token', 'version', 'view']);
  });

  it('is the table of docs/metrics.md', () => {
    const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const [, , ...rows] = text.slice(text.indexOf('| metric {labels}')).split('\n\n')[0]?.split('\n') ?? [];
    // the formatter pads cells
    expect(rows.map((row) => row.replace(/ {2,}/g, ' '))).toEqual(metricsRows());
  });
});

describe('METRICS_LISTEN', () => {
  it.each([
    ['127.0.0.1', 'api', { host: '127.0.0.1', port: METRICS_PORTS.api }],
    ['127.0.0.1:9999', 'api', { host: '127.0.0.1', port: 9999 }],
    ['[::1]', 'signer ocsp', { host: '::1', port: METRICS_PORTS['signer ocsp'] }],
    ['[::1]:9999', 'worker', { host: '::1', port: 9999 }],
    ['metrics.internal', 'public', { host: 'metrics.internal', port: METRICS_PORTS.public }],
  ] as const)('%s for %s is %o', (listen, role, address) => {
    expect(metricsAddress(listen, role)).toEqual(address);
    expect(namesOnePort(listen)).toBe(/9999/.test(listen));
  });

  it('gives each role a port of its own', () => {
    expect(new Set(Object.values(METRICS_PORTS)).size).toBe(5);
  });
});
