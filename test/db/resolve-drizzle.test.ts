// The short way to drizzle-orm's files leads where Node's own way leads, and both programs take it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The files of drizzle-orm that a process loads for the queries and the migrations, and as what, after `first`. */
function loadedAfter(first: string): string[] {
  const code = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({
      load(url, context, next) {
        if (url.includes('/drizzle-orm/')) loaded.push(url + ' ' + context.format);
        return next(url, context);
      },
    });
    ${first}
    for (const file of ['migrate', 'connect', 'certificate-store']) await import('./db/' + file + '.ts');
    console.log(JSON.stringify(loaded.sort()));`;
  const args = ['--input-type=module', '--eval', code];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }));
}

it('every file of drizzle-orm is found where Node finds it, and is the kind of module that Node says', () => {
  const byNode = loadedAfter('');
  expect(byNode.length).toBeGreaterThan(50);
  expect(loadedAfter(`await import('./db/resolve-drizzle.ts');`)).toEqual(byNode);
});

it.each(['src/main.ts', 'scripts/igc.ts'])('%s imports it before all else', (program) => {
  const [first] = readFileSync(join(ROOT, program), 'utf8').match(/^import .*$/m) ?? [];
  expect(first).toBe(`import '#db/resolve-drizzle.ts';`);
});
