// igc consent: by whose leave a certificate may be found by the mailbox that it holds, and everything that anybody may come upon it by.

import type { Command } from 'commander';
import { countInOtherCase, listConsents, type MailboxConsent } from '#db/consents.ts';
import { Refusal } from '../../src/errors.ts';
import { checkMailbox, foldMailbox } from '../../src/policy/mailboxes.ts';
import { type ConsentChange, giveConsent, withdrawConsent } from '../../src/store/consent.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument, printRows } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const GIVE_HELP = `
Who may consent: the person whose mailbox it is, in writing; for a mailbox that a structure reads together (its secretariat, its
desk) its legal representative or the mandataire of the contract. Nobody consents for a colleague, and an administrator does not
consent for the structure.

--evidence says where the consent can be read again: the number of a letter, a ticket or a form, up to 120 characters, without a
name and without an address.

A certificate that holds several mailboxes is shown once there is a consent for each.

Examples:
  $ igc consent give secretariat@hopital-generique.fr --evidence 'formulaire 2026-0117'
  $ igc consent give anne.durand@hopital-generique.fr --evidence 'courrier 2026/41' --dry-run
`;

const WITHDRAW_HELP = `
Whoever may consent may withdraw it at any time, without a reason. Searches over HTTP leave the certificates out from that moment on,
and the LDAP directory within seconds; what others have copied meanwhile stays with them. It may be given again.

Ends with exit code 4 where no consent for this mailbox, in these letters, is in force.

Examples:
  $ igc consent withdraw secretariat@hopital-generique.fr
`;

const LIST_HELP = `
Examples:
  $ igc consent list
  $ igc consent list --all --json | jq -r .id
`;

const SHOW_HELP = `
Every consent that there was for this mailbox, the oldest first.

Examples:
  $ igc consent show secretariat@hopital-generique.fr
`;

type ShownOptions = { readonly dryRun?: true; readonly json?: true };

/** Adds `igc consent`. */
export function addConsentCommands(program: Command): void {
  const consent = program.command('consent').description('who may be found by a mailbox that their certificate holds');
  consent
    .command('give')
    .description('record that certificates may be found by this mailbox')
    .argument('<mailbox>', 'as it is certified')
    .requiredOption('--evidence <reference>', 'where the consent can be read')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', GIVE_HELP)
    .action(give);
  consent
    .command('withdraw')
    .description('record that they may not any more')
    .argument('<mailbox>', 'as it is certified')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', WITHDRAW_HELP)
    .action(withdraw);
  consent
    .command('list')
    .description('consents that are in force, by mailbox')
    .option('--all', 'those too that were withdrawn')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
  consent
    .command('show')
    .description('what was said of one mailbox, and when')
    .argument('<mailbox>', 'as it is certified')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', SHOW_HELP)
    .action(show);
}

const EVIDENCE = /^[^@\p{C}\p{Zl}\p{Zp}]{1,120}$/u;

async function give(text: string, options: ShownOptions & { readonly evidence: string }): Promise<void> {
  const mailbox = mailboxOf(text);
  const evidence = evidenceOf(options.evidence);
  const done = await withRehearsal(options, (system) => giveConsent(system, { mailbox, evidence, actor: operator() }));
  printDocument(marked({ ...documentOf(done), given: true }, options), options);
}

async function withdraw(text: string, options: ShownOptions): Promise<void> {
  const mailbox = mailboxOf(text);
  const done = await withRehearsal(options, async (system) => {
    const ended = await withdrawConsent(system, { mailbox, actor: operator() });
    if (ended !== undefined) return ended;
    throw nothingToWithdraw(await countInOtherCase(system.db.read, mailbox));
  });
  printDocument(marked({ ...documentOf(done), withdrawn: true }, options), options);
}

/** The letters before the @ count; who reads this may have to look, for no mailbox stands in an error. */
function nothingToWithdraw(inOtherCase: number): Refusal {
  const detail = `${inOtherCase} in force for mailboxes that differ in upper and lower case alone`;
  const remedy = '`igc consent list` shows them as they are certified';
  const finding = { rule: 'RFC 5321 §2.4: the local part is case sensitive', at: '<mailbox>', detail, remedy };
  return new Refusal('not_found', 'no consent for this mailbox is in force', inOtherCase === 0 ? [] : [finding]);
}

async function list({ all, json }: { readonly all?: true; readonly json?: true }): Promise<void> {
  const consents = await withSystem(({ db }) => listConsents(db.read, { ended: all }));
  print(consents, json);
}

async function show(text: string, { json }: { readonly json?: true }): Promise<void> {
  const mailbox = mailboxOf(text);
  const consents = await withSystem(({ db }) => listConsents(db.read, { mailbox, ended: true }));
  if (consents.length === 0) throw new Refusal('not_found', 'nobody ever consented to be found by this mailbox');
  print(consents, json);
}

function print(consents: readonly MailboxConsent[], json: true | undefined): void {
  const rows = consents.map(({ id, mailbox, givenAt, givenBy, evidence, withdrawnAt, withdrawnBy }) => ({
    ...{ id, mailbox, givenAt: givenAt.toISOString(), givenBy, evidence },
    withdrawnAt: withdrawnAt?.toISOString() ?? null,
    withdrawnBy: withdrawnBy ?? null,
  }));
  printRows(rows, ['mailbox', 'givenAt', 'givenBy', 'evidence', 'withdrawnAt', 'withdrawnBy'], { json });
}

const documentOf = ({ id, certificates, consented }: ConsentChange) => ({ id, certificates, shown: consented });

/** One spelling, as certificates have it. */
function mailboxOf(text: string): string {
  const mailbox = foldMailbox(text);
  const findings = checkMailbox(mailbox, '<mailbox>', []);
  if (findings.length > 0) throw new Refusal('name_not_allowed', 'this is no mailbox that is certified', findings);
  return mailbox;
}

function evidenceOf(text: string): string {
  const evidence = text.trim();
  if (EVIDENCE.test(evidence)) return evidence;
  throw new Refusal('name_not_allowed', 'this is no reference to a consent', [
    {
      rule: 'no personal data outside of where it can be erased',
      at: '--evidence',
      detail: '1 to 120 printable characters without an @ are expected',
    },
  ]);
}
