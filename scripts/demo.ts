// `npm run demo`: sets up a whole authority in var/demo, runs its main job, and lets openssl judge every file that it leaves.
// `-- --serve` leaves the service running and prints commands to try; `-- --verify` only reads the files of the last run back.

import { join, resolve } from 'node:path';
import { end, endBySignals, isEnding } from './demo/ending.ts';
import { readBack } from './demo/read-back.ts';
import { formatTable } from './demo/table.ts';

const DIRECTORY = resolve(process.env.DEMO_DIRECTORY || join(import.meta.dirname, '..', 'var', 'demo'));

async function main(options: readonly string[]): Promise<void> {
  const unknown = options.filter((option) => option !== '--serve' && option !== '--verify');
  if (unknown.length > 0) throw new Error(`unknown option ${unknown.join(' ')}; there are --serve and --verify`);
  if (options.includes('--verify')) {
    process.stdout.write(`${formatTable(await readBack(DIRECTORY))}\n`);
    return;
  }
  // loaded only now: reading back needs no database and no signer
  const { runDemo } = await import('./demo/run.ts');
  await runDemo(DIRECTORY, { serve: options.includes('--serve') });
}

endBySignals();
try {
  await main(process.argv.slice(2));
  await end(0);
} catch (error) {
  // a signal's own end tells the status
  if (!isEnding()) await end(1, `demo failed: ${error instanceof Error ? error.message : String(error)}`);
}
