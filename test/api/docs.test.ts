import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ask } from './fake-use-cases.ts';

const committed = readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8');

describe('the documentation', () => {
  it('is served without any other host: everything the page names is here', async () => {
    const page = await ask('/docs');
    const references = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, reference]) => reference ?? '');
    expect(references.length).toBeGreaterThan(3);
    for (const reference of references) expect((await ask(reference)).statusCode, reference).toBe(200);
  });

  it('allows itself scripts and styles of this server only, and no inline ones', async () => {
    const policy = String((await ask('/docs')).headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:/);
    expect((await ask('/docs')).body).not.toMatch(/<script(?![^>]*src=)|<style| on\w+=/);
  });

  it('calls no validator', async () => {
    expect((await ask('/docs/static/swagger-initializer.js')).body).toContain('"validatorUrl":null');
  });

  it('serves the committed contract in YAML and the same in JSON', async () => {
    const yaml = await ask('/openapi.yaml');
    expect(yaml.headers['content-type']).toMatch(/^application\/yaml/);
    expect(yaml.body).toBe(committed);
    expect((await ask('/openapi.json')).json()).toEqual(parse(committed));
  });
});
