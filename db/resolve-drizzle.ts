// Where the files of drizzle-orm are, without a look into its package.json: Node 24 parses that file, 180 kB long, again for each of
// the several hundred imports of its `.js` files, which is more than half of the time that a process takes to start. Whoever starts
// a process that needs the database imports this before anything that leads to drizzle-orm. Without it all works, only later.

import { type ResolveFnOutput, registerHooks } from 'node:module';

const OURS = new URL('.', import.meta.url).href;
const THEIRS = '/node_modules/drizzle-orm/';

/** What our files name, as Node found it the first time: the answer is the same for each of them. */
const entries = new Map<string, ResolveFnOutput>();

registerHooks({
  resolve(specifier, context, next) {
    const importer = context.parentURL ?? '';
    // its files name each other with their endings, and every `.js` is a module
    if (specifier.startsWith('.') && specifier.endsWith('.js') && importer.includes(THEIRS))
      return { url: new URL(specifier, importer).href, format: 'module', shortCircuit: true };
    if (!specifier.startsWith('drizzle-orm') || !importer.startsWith(OURS)) return next(specifier, context);
    const found = entries.get(specifier) ?? { ...next(specifier, context), shortCircuit: true };
    entries.set(specifier, found);
    return found;
  },
});
