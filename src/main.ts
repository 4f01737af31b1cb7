// Starts one role: `main.ts api | public | worker | signer issuing | signer ocsp | all`. SIGTERM and SIGINT drain it; a second
// signal two seconds later ends it at once.

// before the roles, which lead to the database
import '#db/resolve-drizzle.ts';
import { type Config, loadConfig } from './config.ts';
import { Outage, Refusal } from './errors.ts';
import { createLog, errorFacts, type Log } from './log.ts';
import { EXIT } from './roles/exit.ts';
import type { RunningRole } from './roles/role.ts';

const USAGE = 'usage: main.ts api | public | worker | signer issuing | signer ocsp | all';
/** npm hands one Ctrl-C on twice within a millisecond: signals this close together are one. */
const ONE_SIGNAL_MS = 2_000;

type Words = readonly [role: string, token: string | undefined];

/** Each role loads its own code and nothing else: a signer holds no HTTP server, and starts in half the time. */
async function startRole(config: Config, [role, token]: Words, log: Log): Promise<RunningRole | undefined> {
  switch (role) {
    case 'api':
      return (await import('./roles/api.ts')).startApi(config, log);
    case 'public':
      return (await import('./roles/public.ts')).startPublic(config, log);
    case 'worker':
      return (await import('./roles/worker.ts')).startWorkerRole(config, log);
    case 'signer': {
      const { isTokenName, startSigner } = await import('./roles/signer.ts');
      return isTokenName(token) ? startSigner(config, token, log) : undefined;
    }
    case 'all':
      return (await import('./roles/all.ts')).startAll(config, log);
    default:
      return undefined;
  }
}

/** Ends the process once the role has drained. If draining hangs, the supervisor's SIGKILL ends it: nothing depends on a clean end. */
function endOnSignals(role: RunningRole, log: Log): void {
  let firstAt: number | undefined;
  const end = (reason: string, exitCode = 0): void => {
    const now = performance.now();
    if (firstAt !== undefined) {
      if (now - firstAt > ONE_SIGNAL_MS) process.exit(1);
      return;
    }
    firstAt = now;
    log.info({ reason }, 'draining');
    role.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        log.error(errorFacts(error), 'draining failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  // Without a listener Node would open its debugger to every user of the machine; a signer has a PIN in its memory.
  process.on('SIGUSR1', () => log.warn('SIGUSR1 does nothing here'));
  void role.failed?.then((exitCode) => end('the role cannot go on', exitCode));
  // Only a child of `all` has a channel; its closing says that the parent is gone, killed perhaps.
  process.on('disconnect', () => end('parent gone'));
  if (process.send !== undefined && !process.connected) end('parent gone');
}

function explain(error: unknown, role: string): number {
  if (error instanceof Refusal) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    for (const { at, detail, remedy } of error.findings)
      process.stderr.write(`  ${at ?? ''} ${detail}${remedy ? ` — ${remedy}` : ''}\n`);
    return EXIT.configuration;
  }
  if (error instanceof Outage) {
    process.stderr.write(`${error.what} is away: ${error.message}\n`);
    return EXIT.unavailable;
  }
  process.stderr.write(`${JSON.stringify({ role, pid: process.pid, ...errorFacts(error) })}\n`);
  return 1;
}

const [role = '', token] = process.argv.slice(2);
try {
  const config = loadConfig();
  const log = createLog(config, [role, token].filter(Boolean).join(' '));
  const started = await startRole(config, [role, token], log);
  if (started === undefined) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(EXIT.usage);
  }
  endOnSignals(started, log);
  log.info('started');
} catch (error) {
  process.exit(explain(error, role));
}
