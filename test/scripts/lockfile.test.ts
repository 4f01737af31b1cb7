// The lockfile names the builds of every platform: npm ci refuses one that does not.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingBuilds } from '../../scripts/lockfile.ts';
import { ROOT } from './parent.ts';

describe('builds that a lockfile misses', () => {
  it('are none in ours; `npm run lockfile` adds them', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    expect(missingBuilds(packages).map(({ path }) => path)).toEqual([]);
  });

  it('are found with their platform, and marked as optional', () => {
    const optionalDependencies = { '@tool/cli-linux-arm64-musl': '1.2.3', '@tool/cli-linux-x64': '1.2.3' };
    const packages = {
      'node_modules/tool': { version: '1.2.3', dev: true, optionalDependencies },
      'node_modules/@tool/cli-linux-x64': { version: '1.2.3' },
    };
    expect(missingBuilds(packages)).toEqual([
      {
        path: 'node_modules/@tool/cli-linux-arm64-musl',
        entry: { version: '1.2.3', cpu: ['arm64'], dev: true, libc: ['musl'], optional: true, os: ['linux'] },
      },
    ]);
  });

  it('are looked for in every enclosing folder, as Node does', () => {
    const needs = { optionalDependencies: { 'x-linux-x64': '1.0.0' } };
    expect(missingBuilds({ 'node_modules/a/node_modules/b': needs, 'node_modules/x-linux-x64': {} })).toEqual([]);
    expect(
      missingBuilds({ 'node_modules/a/node_modules/b': needs, 'node_modules/a/node_modules/x-linux-x64': {} }),
    ).toEqual([]);
    expect(missingBuilds({ 'node_modules/b': needs, 'node_modules/a/node_modules/x-linux-x64': {} })).toHaveLength(1);
  });

  it('are refused when their name tells no platform, for npm would fetch them everywhere', () => {
    expect(() => missingBuilds({ 'node_modules/a': { optionalDependencies: { plain: '1.0.0' } } })).toThrow('plain');
  });
});
