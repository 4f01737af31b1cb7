// igc jobs: the work that the worker has before it, and a way to have it tried again once the reason of a failure is mended.

import { type Command, InvalidArgumentError } from 'commander';
import { appendAudit } from '#db/audit.ts';
import { type Job, listJobs, retryJobs } from '#db/jobs.ts';
import { outboxBacklog } from '#db/outbox.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { operator, withSystem } from './operator.ts';
import { printRows, say } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const LIST_HELP = `
States: failed (its last attempt is over), stuck (its worker is gone), running, due, waiting (until nextRun). Of an error only words
that cannot be a name or a value are shown; the worker's log has the incident.

Examples:
  $ igc jobs list
  $ igc jobs list --failed
  $ igc jobs list --json | jq -r 'select(.state == "failed") | .id'
`;

const RETRY_HELP = `
A job that is retried is due at once, with all its attempts before it; one that runs is left alone. A stuck one is taken from its
worker first. Jobs may run twice without harm.

Examples:
  $ igc jobs retry 118 119
  $ igc jobs retry --all-failed --dry-run
`;

const COLUMNS = ['id', 'state', 'task', 'key', 'attempts', 'nextRun', 'error'] as const;

/** Adds `igc jobs`. */
export function addJobCommands(program: Command): void {
  const jobs = program.command('jobs').description('work that waits for the worker, or failed there');
  jobs
    .command('list')
    .description('every job, failed and stuck ones first')
    .option('--failed', 'only failed and stuck ones')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  jobs
    .command('retry')
    .description('have jobs tried again, now')
    .argument('[id...]', 'as `igc jobs list` prints them', jobId)
    .option('--all-failed', 'every failed job')
    .option(...DRY_RUN)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', RETRY_HELP)
    .action((ids: string[], options: RetryOptions, command: Command) => {
      if (ids.length > 0 === (options.allFailed === true))
        command.error('error: name jobs or say --all-failed, one of the two');
      return retry(ids, options);
    });
}

function jobId(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('the number of a job');
  return [...before, text];
}

/** More jobs than this are not listed at once; those that need a person come first. */
const MOST = 1_000;

async function list({ failed = false, json }: { failed?: boolean; json?: boolean }): Promise<void> {
  const { jobs, outbox } = await withSystem(async ({ db }) => ({
    jobs: await listJobs(db.read, { limit: MOST, ...(failed ? { states: ['failed', 'stuck'] } : {}) }),
    outbox: await outboxBacklog(db.read),
  }));
  printRows(jobs.map(rowOf), COLUMNS, { json });
  if (jobs.length === MOST) say(`these are the first ${MOST}; there may be more`);
  if (outbox.rows > 0) say(`${outbox.rows} more wait in the outbox for a worker to make jobs of them`);
}

type RetryOptions = { readonly allFailed?: true; readonly dryRun?: true; readonly json?: true };

async function retry(ids: readonly string[], options: RetryOptions): Promise<void> {
  const rows = await withRehearsal(options, async (system) => {
    const found = await jobsToRetry(system, ids);
    const due = await retryThem(system, found);
    return found.map((job) => marked({ ...rowOf(job), retried: due.includes(job.id) }, options));
  });
  printRows(rows, ['id', 'state', 'task', 'key', 'retried'], options);
}

async function jobsToRetry({ db }: OpenSystem, ids: readonly string[]): Promise<readonly Job[]> {
  if (ids.length === 0) return listJobs(db.read, { states: ['failed'] });
  const found = await listJobs(db.read, { ids });
  const missing = ids.filter((id) => !found.some((job) => job.id === id));
  if (missing.length > 0)
    throw new Refusal('not_found', `there is no job ${missing.join(', ')}: done jobs leave no trace`);
  return found;
}

/** If we stop before the commit, no job has changed. */
const retryThem = ({ db, clock }: OpenSystem, jobs: readonly Job[]): Promise<readonly string[]> =>
  db.transaction(async (tx) => {
    const due = await retryJobs(
      tx,
      jobs.map(({ id }) => id),
    );
    for (const { id, task, key } of jobs.filter((job) => due.includes(job.id))) {
      await appendAudit(tx, {
        kind: 'job_retried',
        actor: actorText(operator()),
        subjectId: `job/${id}`,
        at: clock(),
        content: { task, key },
      });
    }
    return due;
  });

const rowOf = ({ id, state, task, key, attempts, maxAttempts, runAt, lastError }: Job) => ({
  id,
  state,
  task,
  key,
  attempts: `${attempts}/${maxAttempts}`,
  nextRun: state === 'due' || state === 'waiting' ? runAt.toISOString() : null,
  error: lastError === null ? null : firstWords(lastError),
});

const MOST_WORDS = 12;

/**
 * The first words of an error text without what could be a name or a value: quoted text is left out, and so is every word that is
 * not in plain lower case, but for the first one.
 */
export function firstWords(text: string): string {
  const [line = ''] = text.replace(/(["'`]|«).*?(["'`]|»|$)/gs, ' … ').split('\n');
  const words = line.split(/\s+/).filter((word) => word !== '');
  const shown = words
    .slice(0, MOST_WORDS)
    .map((word, at) => (/^[a-z]+(-[a-z]+)*[,.:;]?$/.test(word) || (at === 0 && FIRST.test(word)) ? word : '…'));
  if (words.length > MOST_WORDS) shown.push('…');
  return shown.join(' ').replace(/…( …)+/g, '…');
}

/** The kind of an error, as `Refusal:` or `ECONNREFUSED`; never any word in capitals, which may be a family name. */
const FIRST = /^([A-Za-z]*(Error|Refusal|Outage)|E(CONN[A-Z]+|TIMEDOUT|PIPE|HOSTUNREACH|NOTFOUND|AI_AGAIN)):?$/;
