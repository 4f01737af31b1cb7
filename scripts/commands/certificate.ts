// igc certificate: what was issued to whom, one by one or page by page, and its end.

import { type Command, Option } from 'commander';
import { REVOCATION_REASONS, type RevocationReason } from '#db/revocations.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { certificateDocument, certificateRow, withoutPem } from './certificate-document.ts';
import { addListCommands } from './certificate-list.ts';
import { addIssueCommand, writeChain } from './issue.ts';
import { findNamed } from './named-certificate.ts';
import { operator, withSystem } from './operator.ts';
import { printDocument } from './output.ts';
import { DRY_RUN, marked, withRehearsal } from './rehearsal.ts';

const SHOW_HELP = `
A serial is written as openssl prints it, with or without colons, in capitals or not.

Examples:
  $ igc certificate show 5f1c9a0011223344556677889900aabb
  $ igc certificate show 0199aa00-0000-7000-8000-000000000000 --out api.pem
`;

const REVOKE_HELP = `
Revocation is definitive. A revoked certificate can be revoked once more, with keyCompromise, which blocks its key.

Examples:
  $ igc certificate revoke 5f1c9a0011223344556677889900aabb --reason keyCompromise --dry-run
  $ igc certificate revoke 5f1c9a0011223344556677889900aabb --reason keyCompromise
  $ igc certificate revoke 0199aa00-0000-7000-8000-000000000000 --reason superseded
`;

/** Adds `igc certificate`. */
export function addCertificateCommands(program: Command): void {
  const certificate = program.command('certificate').description('end-entity certificates');
  addIssueCommand(certificate);
  addListCommands(certificate);
  certificate
    .command('show')
    .description('one certificate')
    .argument('<id|serial>', 'row id, or serial in hexadecimal')
    .option('--out <file>', 'write certificate and chain here, PEM, without the root')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', SHOW_HELP)
    .action(show);
  certificate
    .command('revoke')
    .description('end a certificate for good')
    .argument('<id|serial>', 'row id, or serial in hexadecimal')
    .addOption(
      new Option('--reason <reason>', 'RFC 5280 §5.3.1 Reason Code').choices(REVOCATION_REASONS).makeOptionMandatory(),
    )
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', REVOKE_HELP)
    .action(revoke);
}

async function show(name: string, { out, json }: { out?: string; json?: boolean }): Promise<void> {
  const document = await withSystem(async (system) => {
    const row = await findNamed(system, name);
    return certificateDocument(row, {
      hierarchy: system.policies.hierarchy,
      authorities: system.authorities,
      now: system.clock(),
    });
  });
  const pem = writeChain(document, out);
  printDocument(json ? document : withoutPem(document), { json });
  if (!json && out === undefined) process.stdout.write(pem ?? '');
}

type RevokeOptions = { readonly reason: RevocationReason; readonly dryRun?: true; readonly json?: true };

async function revoke(name: string, { reason, dryRun, json }: RevokeOptions): Promise<void> {
  const row = await withRehearsal({ dryRun }, async (system) => {
    const before = await findNamed(system, name);
    const { revokedAt } = await revokeCertificate(system, { id: before.id, reason, actor: operator() });
    if (dryRun === undefined) return certificateRow(await findNamed(system, before.id), system.clock());
    const row = certificateRow(before, system.clock());
    return marked({ ...row, state: 'revoked', revokedAt: revokedAt.toISOString(), reason }, { dryRun });
  });
  printDocument(row, { json });
}
