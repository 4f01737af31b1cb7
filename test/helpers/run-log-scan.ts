// Looks through the logs of a test run for what is never in a log: PINs, private keys, passwords, people; and for lines of a role
// that do not say which role. It runs outside of the tests, when all of them have ended.

import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One secret a line; written by the helpers that made them, and no log itself. */
export const SECRETS_FILE = 'secrets';

/** A rule that a line broke. */
type Forbidden = { readonly what: string; readonly pattern: RegExp };

const ALWAYS: readonly Forbidden[] = [
  { what: 'a private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ },
  { what: 'a password of a database', pattern: /postgres(?:ql)?:\/\/[^\s:@/]*:[^\s@/]+@/ },
  { what: 'an e-mail address', pattern: /[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/i },
  { what: 'an identifier of a person', pattern: /(?<![\w.-])8\d{11}(?![\w-])/ },
];

const CHECKOUT = join(import.meta.dirname, '..', '..');
const CAST = 'test/{helpers,roles,api,ra,ca,journeys,faults,scripts,logs,metrics}/**/*.ts';
/** Where the tests say a person's name: as a field, or as an option of igc. */
const PERSON = [
  /\b(?:familyName|givenName)\s*:\s*'([^']+)'/g,
  /'--(?:family-name|given-name)'\s*,\s*'([^']+)'/g,
  /--(?:family-name|given-name)[ =]([\p{L}-]+)/gu,
];

const wordOf = (what: string, word: string): Forbidden => ({
  what,
  pattern: new RegExp(`(?<![\\p{L}\\p{N}])${word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\p{L}\\p{N}])`, 'u'),
});

/** The names of everybody whom the tests know, read from their sources: who is added there is looked for here. */
export function namesOfCast(): readonly string[] {
  const files = globSync([CAST, 'scripts/demo/**/*.ts'], { cwd: CHECKOUT });
  const text = files.map((file) => readFileSync(join(CHECKOUT, file), 'utf8')).join('\n');
  const names = PERSON.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name));
  return [...new Set(names)].filter((name) => /^\p{L}[\p{L} '’-]{3,}$/u.test(name)).sort();
}

/** What may be in no line, given the PINs of the run. */
const forbiddenWords = (secrets: readonly string[]): readonly Forbidden[] => [
  ...ALWAYS,
  ...namesOfCast().map((name) => wordOf('a name of the cast', name)),
  ...[...new Set(secrets)].filter((secret) => secret.length >= 4).map((secret) => wordOf('a PIN', secret)),
];

/** Every rule that a line breaks; `isRole` when it is one of a role's log. */
function faultsOf(line: string, forbidden: readonly Forbidden[], isRole: boolean): readonly string[] {
  const found = [...new Set(forbidden.filter(({ pattern }) => pattern.test(line)).map(({ what }) => what))];
  const roles = line.startsWith('{') ? line.split('"role":').length - 1 : 1;
  return isRole && roles !== 1 ? [...found, 'a line without its role'] : found;
}

/** Throws with file, number and text of every line that breaks a rule, in all logs of this folder; answers how many it read. */
export function scanRunLogs(folder: string): number {
  const secrets = join(folder, SECRETS_FILE);
  const forbidden = forbiddenWords(existsSync(secrets) ? readFileSync(secrets, 'utf8').split('\n') : []);
  let lines = 0;
  const faults = readdirSync(folder)
    .filter((name) => name !== SECRETS_FILE)
    .flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .flatMap((line, index) => {
          lines += 1;
          const what = faultsOf(line, forbidden, name.startsWith('role'));
          return what.length === 0 ? [] : [`${name}:${index + 1} holds ${what.join(', ')}: ${line.slice(0, 500)}`];
        }),
    );
  if (faults.length > 0) throw new Error(`the logs of this run:\n${faults.slice(0, 20).join('\n')}`);
  return lines;
}
