// `npm run -s bench -- <name> [options]`: runs bench/<name>.ts, which says one figure a line on stdout, as JSON, and the rest on stderr.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { end, endBySignals, isEnding } from '../scripts/demo/ending.ts';

const [name = '', ...args] = process.argv.slice(2);
endBySignals();
try {
  const file = join(import.meta.dirname, `${name}.ts`);
  if (!/^[a-z]+$/.test(name) || !existsSync(file)) throw new Error(`there is no bench/${name}.ts`);
  await (await import(file)).run(args);
  await end(0);
} catch (error) {
  // a signal's own end tells the status
  if (!isEnding()) await end(1, `bench failed: ${error instanceof Error ? error.message : String(error)}`);
}
