// The committed documents are what the policies say. Nothing here writes them: `npm run dumps` does, and a person reads what changed.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { documents } from '../../scripts/documents/all.ts';
import { comparisonPage } from '../../scripts/documents/comparison.ts';
import { POLICIES_DIRECTORY, policies } from '../policy/policies.ts';

const ROOT = join(POLICIES_DIRECTORY, '..');
const written = documents();

describe('a document from the policies', () => {
  it.each([...written.keys()])(
    '%s is what was committed; else run `npm run dumps` and review the difference',
    (path) => {
      expect(written.get(path)).toBe(readFileSync(join(ROOT, path), 'utf8'));
    },
  );

  it('is the same each time', () => {
    expect([...documents()]).toEqual([...written]);
  });

  it('is there for every profile, and none for a profile that is gone', () => {
    const names = [...policies.profiles.keys()].map((name) => `${name}.txt`);
    expect(readdirSync(join(POLICIES_DIRECTORY, 'dumps')).sort()).toEqual(names.sort());
  });
});

describe('the comparison with IGC-Santé', () => {
  const file = 'real/org-auth-cli-production-2023.yaml';
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'igc-comparison-'));
    cpSync(POLICIES_DIRECTORY, directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const change = (key: 'facts' | 'reasons', field: string, text: string | undefined): void => {
    const sample = parse(readFileSync(join(directory, file), 'utf8'));
    if (text === undefined) delete sample[key][field];
    else sample[key][field] = text;
    writeFileSync(join(directory, file), stringify(sample));
  };
  const page = () => comparisonPage({ directory, policies });

  it('is not written with a difference that has no reason', () => {
    change('facts', 'keyUsage', 'critical, nonRepudiation');
    expect(page).toThrow('keyUsage differs without a reason: critical, digitalSignature');
  });

  it('is not written without a field that only one of the two has', () => {
    change('facts', 'freshestCRL', undefined);
    expect(page).toThrow('freshestCRL differs without a reason');
  });

  it('is not written with a reason for what is the same, or is no field', () => {
    change('reasons', 'keyUsage', 'a reason for nothing');
    expect(page).toThrow('keyUsage has a reason and is the same');
    change('reasons', 'keyUsage', undefined);
    change('reasons', 'colour', 'a reason for nothing');
    expect(page).toThrow('a reason for colour, and no such field');
  });

  it('names nobody', () => {
    expect(page()).not.toMatch(/DENTISTE|GERALDINE|INFIRMCS|OLIVIER|ADMINISTRATIF-|CHARLES|MARTIN|CLAIRE/);
  });
});
