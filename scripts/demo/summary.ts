// summary.json: what the makers told of each certificate, for the files to be held against.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Made } from './stage.ts';

/** Writes `summary.json`. */
export function writeSummary(directory: string, made: readonly Made[]): void {
  const certificates = made.map(({ profile, serial, issuer, status, sha256 }) => ({
    ...{ profile, serial, issuer, status, sha256 },
  }));
  writeFileSync(join(directory, 'summary.json'), `${JSON.stringify({ certificates }, null, 2)}\n`);
}

/** Reads it again; throws when it is not what `writeSummary` makes, or when it leaves out a file of `certificates/`. */
export function readSummary(directory: string): readonly Made[] {
  const file = join(directory, 'summary.json');
  if (!existsSync(file)) throw new Error(`there is no ${file}; \`npm run demo\` makes one`);
  const certificates = parse(readFileSync(file, 'utf8'));
  const named = certificates.map(({ profile }) => `${profile}.pem`).sort();
  const files = readdirSync(join(directory, 'certificates')).sort();
  if (named.join() !== files.join())
    throw new Error(
      `summary.json names ${named.join(', ') || 'nothing'}; in certificates/ there is ${files.join(', ')}`,
    );
  return certificates;
}

function parse(text: string): readonly Made[] {
  try {
    const { certificates }: { certificates: unknown } = JSON.parse(text);
    if (Array.isArray(certificates) && certificates.every(isMade)) return certificates;
  } catch {
    // told below
  }
  throw new Error('summary.json is not a summary of certificates');
}

function isMade(value: unknown): value is Made {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { status } = fields;
  const texts = ['profile', 'serial', 'issuer', 'sha256'].every((name) => typeof fields[name] === 'string');
  return texts && /^[a-z0-9-]+$/.test(String(fields.profile)) && (status === 'good' || status === 'revoked');
}
