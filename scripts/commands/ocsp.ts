// igc ocsp: the responder asked as a relying party asks it, over HTTP and without belief, and the keys that answer. What it says is then
// held against the database, so that a copy that lags is seen.

import { randomBytes } from 'node:crypto';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { listAllResponders } from '#db/responders.ts';
import type { Authority } from '../../src/authority.ts';
import { required } from '../../src/config.ts';
import type { Finding } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { buildOcspRequest, type OcspVerdict, verifyOcspResponse } from '../../src/x509/ocsp-verify.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type Subject, subjectOf } from './ocsp-subject.ts';
import { withSystem } from './operator.ts';
import { printDocument, printRows, say } from './output.ts';

const STATUS_HELP = `
Asks over HTTP at PUBLIC_LISTEN, or where --url says, with a nonce; then checks the signature, that the issuer certified the responder for
this, and every date. The reason of a revocation is the one recorded here: answers carry none.

Exits with 0 for an answer to be believed, whatever it says; with ${EXIT_CODES.unhealthy[0]} for one that must not be believed, or that contradicts
the database; with ${EXIT_CODES.outage[0]} when none came.

Examples:
  $ igc ocsp status api.pem
  $ igc ocsp status 5f1c9a0011223344556677889900aabb
  $ igc ocsp status 5f1c9a0011223344556677889900aabb --issuer ACI-EL-ORG-TEST --url http://ocsp.igc-sante.fr --json
`;

const RESPONDERS_HELP = `
The worker renews a responder days before its end.

Examples:
  $ igc ocsp responders
  $ igc ocsp responders --json | jq -r 'select(.daysLeft < 3) | .issuer'
`;

const DAY_MS = 86_400_000;
const PATIENCE_MS = 10_000;
/** Our answers have two kilobytes; a server that sends much more is none of ours. */
const LARGEST_ANSWER = 65_536;

/** Adds `igc ocsp`. */
export function addOcspCommands(program: Command): void {
  const ocsp = program.command('ocsp').description('certificate status as relying parties see it');
  ocsp
    .command('status')
    .description('ask the responder about one certificate, and check its answer')
    .argument('<serial|file>', 'serial in hexadecimal, or a certificate in PEM or DER')
    .option('--issuer <id>', 'the authority, for a serial that the database does not know')
    .option('--url <url>', 'another responder than the one at PUBLIC_LISTEN', httpUrl)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', STATUS_HELP)
    .action(status);
  ocsp
    .command('responders')
    .description('the keys that answer for each authority, and how long they still may')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', RESPONDERS_HELP)
    .action(responders);
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new InvalidArgumentError('an address that begins with http://');
}

type StatusOptions = { readonly issuer?: string; readonly url?: string; readonly json?: boolean };

async function status(name: string, options: StatusOptions): Promise<void> {
  const answered = await withSystem(
    async (system) => {
      const subject = await subjectOf(system, name, options.issuer);
      const url = options.url ?? localUrl(required(system.config, 'PUBLIC_LISTEN'));
      return { subject, url, verdict: await askResponder(subject, { url, now: system.clock }) };
    },
    options.url === undefined ? ['PUBLIC_LISTEN'] : [],
  );
  report(answered, options);
}

/** Where a process on this machine reaches the public listener. */
function localUrl(listen: string): string {
  return `http://${listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')}/`;
}

async function askResponder(
  { issuer, serial }: Subject,
  { url, now }: { url: string; now: () => Date },
): Promise<OcspVerdict> {
  const { subject, spki } = issuer.certificate;
  const certId = certIdFor(subject, spki, serial);
  const nonce = randomBytes(16);
  const body = await post(url, buildOcspRequest(certId, nonce));
  return verifyOcspResponse(body, { certId, nonce, issuer: issuer.certificate, now: now() });
}

async function post(url: string, request: Uint8Array): Promise<Uint8Array> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: Buffer.from(request),
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) throw noAnswer(url, `HTTP ${response.status}`);
    const answer = new Uint8Array(await response.arrayBuffer());
    if (answer.length > LARGEST_ANSWER) throw noAnswer(url, `${answer.length} bytes`);
    return answer;
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    const cause = error instanceof Error ? error.cause : undefined;
    throw noAnswer(url, cause instanceof Error && 'code' in cause ? String(cause.code) : 'nothing came');
  }
}

function noAnswer(url: string, detail: string): CommanderError {
  say(`igc: ocsp_away: no OCSP answer from ${url}: ${detail}`);
  return new CommanderError(EXIT_CODES.outage[0], 'igc.ocspAway', detail);
}

type Answered = { readonly subject: Subject; readonly url: string; readonly verdict: OcspVerdict };

function report({ subject, url, verdict }: Answered, { json }: StatusOptions): void {
  const serial = Buffer.from(subject.serial).toString('hex');
  const about = { serial, issuer: subject.issuer.id, url };
  if ('error' in verdict) {
    printDocument({ status: verdict.error, ...about }, { json });
    const away = verdict.error === 'tryLater' || verdict.error === 'internalError';
    throw new CommanderError(EXIT_CODES[away ? 'outage' : 'unhealthy'][0], 'igc.ocspError', verdict.error);
  }
  const { answer, responder } = verdict;
  const findings = [...verdict.findings, ...contradictions(subject, answer?.status)];
  const told = answer?.status;
  const document = {
    status: told === undefined ? null : (Object.keys(told)[0] ?? null),
    ...about,
    ...(told !== undefined && 'revoked' in told
      ? { revokedAt: told.revoked.toISOString(), reason: subject.recorded?.reason ?? null }
      : {}),
    producedAt: verdict.producedAt?.toISOString() ?? null,
    thisUpdate: answer?.thisUpdate.toISOString() ?? null,
    nextUpdate: answer?.nextUpdate?.toISOString() ?? null,
    responderNotAfter: responder?.notAfter.toISOString() ?? null,
    verified: findings.length === 0,
  };
  printDocument(json ? { ...document, findings: findings.map((finding) => ({ ...finding })) } : document, { json });
  for (const { rule, at, detail, remedy } of json ? [] : findings) say(`  ${at}: ${detail} (${rule})\n    → ${remedy}`);
  if (findings.length > 0)
    throw new CommanderError(EXIT_CODES.unhealthy[0], 'igc.ocspUnverified', 'not to be believed');
}

/** What the database knows better than the answer. */
function contradictions({ recorded }: Subject, told: object | undefined): Finding[] {
  const expected = recorded === undefined ? 'unknown' : recorded.reason === undefined ? 'good' : 'revoked';
  if (told === undefined || expected in told) return [];
  return [
    {
      rule: 'an answer is that of the database, a second later at most',
      at: 'certStatus',
      detail: `the database says ${expected}`,
      remedy: 'see that the copy that answered reads the status feed of this database',
    },
  ];
}

async function responders({ json }: { json?: boolean }): Promise<void> {
  const rows = await withSystem(async (system) => {
    const now = system.clock();
    const valid = await listAllResponders(system.db.read, now);
    return intermediates(system).flatMap(({ id }) => {
      const own = valid.filter(({ issuer }) => issuer === id);
      if (own.length === 0) say(`${id}: no responder is valid, so nobody answers; start the worker`);
      return own.map(({ issuer, keyId, notAfter }) => ({
        issuer,
        keyId: Buffer.from(keyId).toString('hex'),
        notAfter: notAfter.toISOString(),
        daysLeft: Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS),
      }));
    });
  });
  printRows(rows, ['issuer', 'keyId', 'notAfter', 'daysLeft'], { json });
}

const intermediates = ({ authorities }: OpenSystem): readonly Authority[] =>
  [...authorities.values()].filter(({ kind }) => kind === 'intermediate');
