// Writes the documents that come from the policies: an example of each profile, docs/profiles.md and docs/comparison.md. Run by hand
// after a policy has changed: `npm run dumps`; tests only compare, and what changed is reviewed as a difference.

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documents } from './documents/all.ts';

const ROOT = join(import.meta.dirname, '..');
const written = documents();
const dumps = 'policies/dumps';
for (const name of readdirSync(join(ROOT, dumps))) {
  if (!written.has(`${dumps}/${name}`)) rmSync(join(ROOT, dumps, name));
}
for (const [path, text] of written) writeFileSync(join(ROOT, path), text);
