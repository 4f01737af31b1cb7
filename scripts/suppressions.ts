// Finds where a check of ours is silenced. Each such line must say why; their number is printed by every check.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Suppression = {
  readonly file: string;
  /** from 1 */
  readonly line: number;
  readonly text: string;
  /** what the line says after the directive; undefined when it says nothing of use */
  readonly reason?: string;
};

const SOURCES = ['*.{ts,json,jsonc}', '{src,db,hsm,scripts,test,bench,policies,.ci}/**/*'];
const NOT_OURS = ['**/node_modules/**', '**/package-lock.json', '**/*.der', '**/*.cer', '**/*.crl'];

// Written in two halves, so that this file does not find itself.
const DIRECTIVES = [
  ['biome', '-ignore(?:-all|-start|-end)?\\s+[\\w/]+\\s*:?'],
  ['@ts', '-(?:expect-error|ignore|nocheck)'],
  ['shellcheck', ' disable=[\\w,]+'],
  ['(?:v8|c8|istanbul)', ' ignore(?: \\w+)?'],
].map((halves) => new RegExp(`(?:#|//|/\\*)\\s*${halves.join('')}(?<reason>.*)`));

/** Every suppression in the checkout at `root`, in the order of files and lines. */
export function findSuppressions(root: string): Suppression[] {
  const files = globSync(SOURCES, { cwd: root, exclude: NOT_OURS, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => suppressionsIn(file, readFileSync(file, 'utf8')));
}

/** The suppressions in one file's text. */
export function suppressionsIn(file: string, text: string): Suppression[] {
  return text.split('\n').flatMap((line, index) => {
    const match = DIRECTIVES.map((directive) => directive.exec(line)).find((found) => found !== null);
    if (match === undefined) return [];
    const reason = (match.groups?.reason ?? '').replace(/^[\s:#*/-]+|[\s*/]+$/g, '');
    // shorter than two words is no reason
    return [{ file, line: index + 1, text: line.trim(), ...(/\S\s+\S/.test(reason) && { reason }) }];
  });
}
