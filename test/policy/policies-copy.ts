// A copy of the real policies in a folder of its own, in which a test makes one mistake and looks at the refusal.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadPolicies } from '../../src/policy/load.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { POLICIES_DIRECTORY } from './policies.ts';

export type PoliciesCopy = {
  readonly directory: string;
  /** sets the value at a JSON pointer in a file; undefined removes it */
  set(file: string, pointer: string, value: unknown): void;
  /** place and detail of every finding for which the copy is refused */
  refused(): [at: string, detail: string][];
  remove(): void;
};

export function copyPolicies(): PoliciesCopy {
  const directory = mkdtempSync(join(tmpdir(), 'igc-policies-'));
  cpSync(POLICIES_DIRECTORY, directory, { recursive: true });
  return {
    directory,
    set(file, pointer, value) {
      const path = join(directory, file);
      const document = parse(readFileSync(path, 'utf8'));
      const keys = pointer.slice(1).split('/');
      const last = keys.pop() ?? '';
      const place = keys.reduce((inner, key) => inner[key], document);
      if (value === undefined) delete place[last];
      else place[last] = value;
      writeFileSync(path, stringify(document));
    },
    refused() {
      const { code, findings } = refusalOf(() => loadPolicies(directory));
      if (code !== 'configuration_invalid') throw new Error(`refused with ${code}`);
      return findings.map(({ at = '', detail }) => [at, detail]);
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
