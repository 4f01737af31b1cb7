// igc notice: what the people of one certificate are told of its end, and a mail to see beforehand.

import { type Command, Option } from 'commander';
import { appendAudit } from '#db/audit.ts';
import type { CertificateRecord } from '#db/certificates.ts';
import type { Language } from '#db/contacts.ts';
import { actorText } from '../../src/actor.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import { type Delivery, openMailer } from '../../src/notices/mail.ts';
import { readNoticeOutlook } from '../../src/notices/outlook.ts';
import { rehearseNotice } from '../../src/notices/rehearse.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { checkMailbox, foldMailbox } from '../../src/policy/mailboxes.ts';
import { findNamed } from './named-certificate.ts';
import { operator, withSystem } from './operator.ts';
import { printRows, say } from './output.ts';
import { DRY_RUN } from './rehearsal.ts';

const SHOW_HELP = `
A line for each threshold and address: told, and how that ended; or due, with who would be written to if it were today. Nobody is
told of a certificate that was revoked or replaced.

Examples:
  $ igc notice show 0199aa00-0000-7000-8000-000000000000
  $ igc notice show 5f1c9a0011223344556677889900aabb --json | jq -r .email
`;

const REHEARSE_HELP = `
The mail is the one that the certificate's people will get, its subject begins with [Essai] or [Test], and nothing is recorded but
that you sent it, and to whom: the real ones come as if this had never been.

Examples:
  $ igc notice rehearse 0199aa00-0000-7000-8000-000000000000 --to moi@hopital-generique.fr --language fr
  $ igc notice rehearse 0199aa00-0000-7000-8000-000000000000 --recipients --dry-run
`;

const COLUMNS = ['threshold', 'dueAt', 'state', 'email', 'at', 'why'] as const;

/** Adds `igc notice`. */
export function addNoticeCommands(program: Command): void {
  const notice = program.command('notice').description('mails before the end of one certificate');
  notice
    .command('show')
    .description('when they are due, who gets them, and what was told')
    .argument('<id|serial>', 'row id, or serial in hexadecimal')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', SHOW_HELP)
    .action(show);
  notice
    .command('rehearse')
    .description('send one now, marked as a test')
    .argument('<id|serial>', 'row id, or serial in hexadecimal')
    .option('--to <address>', 'to this mailbox')
    .addOption(new Option('--language <language>', 'language of the mail to it').choices(['fr', 'en']).default('fr'))
    .option('--recipients', 'to everyone who would be written to if the notice were due today')
    .option(...DRY_RUN)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', REHEARSE_HELP)
    .action((name: string, options: RehearseOptions, command: Command) => {
      if ((options.to === undefined) === (options.recipients === undefined))
        command.error('error: say one of --to and --recipients');
      return rehearse(name, options);
    });
}

async function show(name: string, { json }: { json?: boolean }): Promise<void> {
  const { outlook, now } = await withSystem(async (system) => ({
    outlook: await readNoticeOutlook(system, await findNamed(system, name)),
    now: system.clock(),
  }));
  const { expected, thresholds, told, recipients, reached } = outlook;
  const rows = thresholds.flatMap(({ threshold, dueAt }) => {
    const due = { threshold, dueAt: dueAt.toISOString() };
    const known = told.filter((one) => one.threshold === threshold);
    if (known.length > 0)
      return known.map(({ email, state, settledAt, why }) => ({
        ...{ ...due, state: state ?? 'nobody', email, at: settledAt?.toISOString() ?? null, why },
      }));
    const rest = { at: null, why: null };
    if (!expected) return [{ ...due, state: 'not expected', email: null, ...rest }];
    if (dueAt <= now) return [{ ...due, state: 'passed', email: null, ...rest }];
    return recipients.map(({ email }) => ({ ...due, state: 'due', email, ...rest }));
  });
  printRows(rows, COLUMNS, { json });
  if (expected && !reached)
    say('no address of its own works: `igc contact add`; the fallback and the operators get the mails');
}

type RehearseOptions = {
  readonly to?: string;
  readonly language: Language;
  readonly recipients?: true;
  readonly dryRun?: true;
  readonly json?: true;
};

async function rehearse(name: string, options: RehearseOptions): Promise<void> {
  const rows = await withSystem((system) => outcomesOf(system, name, options), ['SMTP_URL']);
  printRows(rows, ['email', 'language', 'outcome', 'why'], options);
  if (rows.some(({ outcome }) => outcome === 'refused' || outcome === 'later'))
    throw new Outage('mail', 'the mail server did not take every mail');
}

type Outcome = Written & { readonly outcome: Delivery['kind'] | 'dry run'; readonly why: string | null };

async function outcomesOf(system: OpenSystem, name: string, options: RehearseOptions): Promise<readonly Outcome[]> {
  const certificate = await findNamed(system, name);
  const recipients = await recipientsFor(system, certificate, options);
  if (options.dryRun)
    return recipients.map(({ email, language }) => ({ email, language, outcome: 'dry run', why: null }));
  return (await send(system, certificate, recipients)).map(({ email, language, delivery }) => ({
    ...{ email, language, outcome: delivery.kind },
    why: delivery.kind === 'sent' ? null : delivery.why,
  }));
}

type Written = { readonly email: string; readonly language: Language };

async function recipientsFor(
  system: OpenSystem,
  certificate: CertificateRecord,
  { to, language }: RehearseOptions,
): Promise<readonly Written[]> {
  if (to === undefined) return (await readNoticeOutlook(system, certificate)).recipients;
  const email = foldMailbox(to);
  const findings = checkMailbox(email, '--to', []);
  if (findings.length > 0) throw new Refusal('name_not_allowed', 'this is no address to write to', findings);
  return [{ email, language }];
}

/** It is written down first that it is tried: if we stop after that, a mail may have been sent. */
async function send(system: OpenSystem, { id }: CertificateRecord, recipients: readonly Written[]) {
  const mailer = openMailer(system.config, system.policies.notices);
  if (mailer === undefined) throw new TypeError('SMTP_URL was asked for');
  try {
    await appendAudit(system.db.read, {
      ...{ kind: 'notice_rehearsed', actor: actorText(operator()), subjectId: id, at: system.clock() },
      content: { recipients: recipients.map(({ email }) => email) },
    });
    return await rehearseNotice(system, mailer, { certificateId: id, recipients });
  } finally {
    mailer.close();
  }
}
