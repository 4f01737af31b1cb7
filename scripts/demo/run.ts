// The demo from its first line to the table, and the service that stays with `--serve`.

import { join } from 'node:path';
import { loadPolicies } from '../../src/policy/load.ts';
import { startCluster } from '../cluster.ts';
import { type Ordered, order, revoke } from './administrator-acts.ts';
import { endChildren, roleEnded } from './children.ts';
import { printedCommands, writeEnvironmentFile } from './commands.ts';
import { findInDirectory, startDirectory } from './directory.ts';
import { atEnd, isEnding } from './ending.ts';
import { addContact, receiveNotice, startMail } from './mail.ts';
import {
  addAdministrator,
  addStructures,
  createHierarchy,
  issueApiCertificate,
  issueCards,
  makeRequest,
} from './operator-acts.ts';
import { type Order, ordersFor } from './orders.ts';
import { claim, clear, describePlace, hasHierarchy, ROOT } from './place.ts';
import { fetchCrls, fetchOcsp } from './published.ts';
import { readBack } from './read-back.ts';
import { isReady, startApi, startPublishing, startSigners } from './service.ts';
import type { Made, Stage } from './stage.ts';
import { writeSummary } from './summary.ts';
import { formatTable } from './table.ts';

/** The roles have the same. */
const POLICIES = process.env.POLICIES_DIRECTORY || join(ROOT, 'policies');

let lines = 0;
const print = (text: string): void => {
  if (!isEnding()) process.stdout.write(`${text}\n`);
};
const say = (text: string): void => {
  lines += 1;
  print(`${String(lines).padStart(2)}. ${text}`);
};

/** Runs the demo in `directory`; with `serve` it never resolves. Fails when anything does, also when a role ends by itself. */
export function runDemo(directory: string, { serve }: { serve: boolean }): Promise<void> {
  return Promise.race([perform(directory, serve), roleEnded]);
}

async function perform(directory: string, serve: boolean): Promise<void> {
  await claim(directory);
  clear(directory);
  const stage = await prepare(directory, serve);
  writeSummary(directory, await runMainJob(stage));
  say(
    'openssl reads every file back (verify -x509_strict -crl_check_all, crl, ocsp, req, pkey); the table is what it says',
  );
  print(`\n${formatTable(await readBack(directory))}\n`);
  print(`Files: ${directory} · ${(performance.now() / 1000).toFixed(1)} s`);
  if (serve) await keepServing(stage);
}

/** A database, and the hierarchy in it. */
async function prepare(directory: string, serve: boolean): Promise<Stage> {
  say('PostgreSQL starts, with an empty database in a temporary folder');
  const cluster = startCluster({ durable: true });
  atEnd(async () => (await cluster).stop());
  atEnd(endChildren);
  const outside = { ...(await startDirectory({ serve })), ...(await startMail(directory)) };
  const environment = { ...(await describePlace(directory, { databaseUrl: (await cluster).url, serve })), ...outside };
  const port = (listen: string | undefined): number => Number(listen?.split(':').at(-1));
  const ports = { apiPort: port(environment.API_LISTEN), publicPort: port(environment.PUBLIC_LISTEN) };
  const stage = { directory, environment, ...ports, say };
  const isKept = hasHierarchy(directory);
  say(
    isKept
      ? 'three tokens with the keys of three roots and six intermediates are kept from the last run'
      : 'three tokens, three roots and six intermediates are made: RSA-4096, up to a minute; later runs keep them',
  );
  await createHierarchy(stage).catch((error: Error) => {
    const advice = `what earlier runs made is in ${directory}/state; without that folder a run makes all anew`;
    throw isKept ? new Error(`${error.message}\n  (${advice})`) : error;
  });
  return stage;
}

/** People get cards, an administrator orders with requests that openssl made, one certificate is revoked, and everyone can see it. */
async function runMainJob(stage: Stage): Promise<readonly Made[]> {
  await Promise.all([startSigners(stage), addStructures(stage)]);
  startPublishing(stage);
  const [cards] = await Promise.all([issueCards(stage), issueApiCertificate(stage).then(() => startApi(stage))]);
  const orders = ordersFor(loadPolicies(POLICIES).profiles.values());
  const requests = Promise.all(orders.map((wanted) => makeRequest(stage, wanted)));
  await Promise.all([addAdministrator(stage), addContact(stage), isReady(stage), requests]);
  say(
    `signers, worker, public role (http, port ${stage.publicPort}) and API (https, port ${stage.apiPort}) are running`,
  );
  say('operators issued two cards (cps-auth, cpe-auth); the professional may now order for a hospital and a company');
  const ordered = await orderAll(stage, orders);
  await showNotice(stage, ordered);
  return [...cards, ...(await revokeFirst(stage, ordered, cards))];
}

/** One certificate of each profile that can be ordered, all at once over the API. */
async function orderAll(stage: Stage, orders: readonly Order[]): Promise<readonly Ordered[]> {
  const onCurves = orders.filter(({ keyType }) => keyType !== 'RSA-2048');
  const curves = onCurves.map(({ profile, keyType }) => `${keyType} for ${profile}`).join(', ');
  const rsa = orders.length - onCurves.length;
  say(`openssl makes a key and a request for each orderable profile: ${rsa} RSA-2048, ${curves}`);
  const ordered = await Promise.all(orders.map((wanted) => order(stage, wanted)));
  for (const holder of new Set(orders.map((wanted) => wanted.holder))) {
    const theirs = orders.filter((wanted) => wanted.holder === holder).map(({ profile }) => profile);
    say(`ordered over the API for ${holder}: ${theirs.join(', ')}`);
  }
  return ordered;
}

/** The mail that comes two months before the end, sent now as a test. */
async function showNotice(stage: Stage, ordered: readonly Made[]): Promise<void> {
  const server = ordered.find(({ profile }) => profile === 'serv-ssl');
  if (server === undefined) throw new Error('no certificate of a server was ordered');
  say(`mail/01.txt, as received: ${await receiveNotice(stage, server)}`);
}

/** Shows OCSP good → revoked and the CRL entry for the first of `ordered`; keeps the published state of all. */
async function revokeFirst(
  stage: Stage,
  [first, ...rest]: readonly Ordered[],
  cards: readonly Made[],
): Promise<readonly Made[]> {
  if (first === undefined) throw new Error('nothing was ordered');
  await fetchOcsp(stage, first);
  await revoke(stage, first);
  const since = performance.now();
  const revoked = { ...first, status: 'revoked' } as const;
  await fetchOcsp(stage, revoked);
  const later = Math.round(performance.now() - since);
  say(`OCSP says good for ${first.profile}; it is revoked, for good, and OCSP says revoked ${later} ms later`);
  await Promise.all([fetchCrls(stage, revoked), ...[...cards, ...rest].map((one) => fetchOcsp(stage, one))]);
  const made = [revoked, ...rest];
  say(`the CRL of ${first.issuer} names its serial; ${await lookInDirectory(stage, made)}`);
  return made;
}

async function lookInDirectory(stage: Stage, made: readonly Made[]): Promise<string> {
  if (stage.environment.LDAP_URL === undefined) return 'slapd is not installed, so there is no directory';
  return `in LDAP are ${await findInDirectory(stage, made)} certificates of structures, and not this one`;
}

async function keepServing(stage: Stage): Promise<void> {
  writeEnvironmentFile(stage);
  print(`\nThe service is running; Ctrl-C ends it. In another terminal, in ${ROOT}:\n\n${printedCommands(stage)}`);
  await new Promise(() => setInterval(() => undefined, 1_000_000));
}
