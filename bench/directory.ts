// How fast a directory catches up: certificates that are in the database and in the feed, until each has its entry in an OpenLDAP that
// flushes every write. Beside it ldapmodify writes the same entries into an empty one of the same kind, over as many connections.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '#db/connect.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { startCluster } from '../scripts/cluster.ts';
import { ROOT } from '../scripts/demo/place.ts';
import { ended, spawnBound } from '../scripts/process.ts';
import { type Slapd, startSlapd } from '../scripts/slapd.ts';
import { loadConfig } from '../src/config.ts';
import { keyAt } from '../src/directory/compare.ts';
import { openConnection } from '../src/directory/ldap.ts';
import { createFollower } from '../src/directory/publish.ts';
import { ldapSettings } from '../src/directory/settings.ts';
import { type Attributes, baseDn, containerEntry, type Dn, formatDn, holderEntry } from '../src/directory/tree.ts';
import { loadPolicies, type Policies } from '../src/policy/load.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { type BenchCertificate, benchCertificates, insertIssued } from './directory-rows.ts';
import { median, remark, say, table } from './figures.ts';

const COUNT = 10_000;
const RUNS = 3;
/** Those of the worker. */
const CONNECTIONS = 8;
const TIMEOUT_MS = 10_000;
const PORT = 33_890;

/** Prints `directory.publish.rate`, entries a second, and `directory.publish.ratio` to ldapmodify: medians of three runs, in turn. */
export async function run([count = String(COUNT)]: readonly string[]): Promise<void> {
  const policies = loadPolicies(join(ROOT, 'policies'), 'test');
  const certificates = benchCertificates(policies.hierarchy, Number(count));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let at = 0; at < RUNS; at += 1) {
    theirs.push(await onEmpty((slapd) => modify(slapd, policies, certificates)));
    ours.push(await onEmpty((slapd) => follow(slapd, policies, certificates)));
    remark(`run ${at + 1} of ${RUNS}`);
  }
  const [rate, other] = [median(ours), median(theirs)];
  say({ name: 'directory.publish.rate', value: rate, unit: '1/s' });
  say({ name: 'directory.publish.ratio', value: rate / other, unit: '1' });
  table([
    ['entries a second, sync on', 'median', ...ours.map((_, at) => `run ${at + 1}`)],
    ['the worker’s follower', rate, ...ours],
    [`ldapmodify, ${CONNECTIONS} at once`, other, ...theirs],
  ]);
}

/** Entries a second that `write` makes in a directory of its own; throws unless all of them are there afterwards. */
async function onEmpty(write: (slapd: Slapd) => Promise<{ seconds: number; entries: number }>): Promise<number> {
  const slapd = await startSlapd({ port: PORT });
  try {
    const { seconds, entries } = await write(slapd);
    const found = await countHolders(slapd);
    if (found !== entries) throw new Error(`${entries} entries were to be written, and ${found} are there`);
    return entries / seconds;
  } finally {
    await slapd.stop();
  }
}

async function countHolders(slapd: Slapd): Promise<number> {
  const { hierarchy } = loadPolicies(join(ROOT, 'policies'), 'test');
  const connection = openConnection(settingsOf(slapd), TIMEOUT_MS);
  let found = 0;
  for await (const page of connection.pages(formatDn(baseDn(hierarchy)), ['cn']))
    found += page.filter(({ dn }) => keyAt(hierarchy, dn) !== undefined).length;
  await connection.close();
  return found;
}

function settingsOf({ url, bindDn, passwordFile }: Slapd) {
  const settings = ldapSettings(loadConfig({ LDAP_URL: url, LDAP_BIND_DN: bindDn, LDAP_PASSWORD_FILE: passwordFile }));
  if (settings === undefined) throw new Error('LDAP_URL is set');
  return settings;
}

type Written = { readonly seconds: number; readonly entries: number };

async function follow(slapd: Slapd, policies: Policies, certificates: readonly BenchCertificate[]): Promise<Written> {
  return await withDatabase(async (db) => {
    await insertIssued(db.read, certificates);
    const settings = settingsOf(slapd);
    const connections = Array.from({ length: CONNECTIONS }, () => openConnection(settings, TIMEOUT_MS));
    const follower = createFollower({ db, policies, clock: () => new Date() }, connections, 'bench');
    const since = performance.now();
    await follower.follow();
    const seconds = (performance.now() - since) / 1_000;
    await Promise.all(connections.map((connection) => connection.close()));
    return { seconds, entries: certificates.length };
  });
}

async function withDatabase<T>(act: (db: Database) => Promise<T>): Promise<T> {
  const cluster = await startCluster({ durable: true });
  try {
    await migrateDatabase(cluster.url);
    const db = openDatabase(cluster.url, { applicationName: 'igc bench' });
    try {
      return await act(db);
    } finally {
      await db.close();
    }
  } finally {
    await cluster.stop();
  }
}

/** The same entries as LDIF, those of one structure in one file, and one ldapmodify for each file, all at once. */
async function modify(slapd: Slapd, policies: Policies, certificates: readonly BenchCertificate[]): Promise<Written> {
  const seen = new Set<string>();
  const above: string[] = [];
  const files = Array.from({ length: CONNECTIONS }, (): string[] => []);
  for (const { structure, name, der } of certificates) {
    const key = { kind: 'service', structure, name } as const;
    const { dn, attributes } = holderEntry(policies.hierarchy, key, [parseCertificate(der)]);
    const file = files[Number(structure) % CONNECTIONS] ?? above;
    for (let depth = 1; depth < dn.length; depth += 1) {
      const container = containerEntry(dn.slice(0, depth));
      if (seen.has(formatDn(container.dn))) continue;
      seen.add(formatDn(container.dn));
      (depth < dn.length - 1 ? above : file).push(ldif(container.dn, container.attributes));
    }
    file.push(ldif(dn, attributes));
  }
  const paths = [above, ...files].map((entries, at) => {
    const path = join(slapd.directory, `${at}.ldif`);
    writeFileSync(path, entries.join('\n'));
    return path;
  });
  const since = performance.now();
  await ldapmodify(slapd, paths[0] ?? '');
  await Promise.all(paths.slice(1).map((path) => ldapmodify(slapd, path)));
  return { seconds: (performance.now() - since) / 1_000, entries: certificates.length };
}

function ldif(dn: Dn, attributes: Attributes): string {
  const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');
  const lines = Object.entries(attributes).flatMap(([type, values]) =>
    values.map((value) => `${type}:: ${base64(value)}\n`),
  );
  return `dn:: ${base64(formatDn(dn))}\nchangetype: add\n${lines.join('')}`;
}

async function ldapmodify({ url, bindDn, passwordFile }: Slapd, file: string): Promise<void> {
  const args = ['-x', '-H', url, '-D', bindDn, '-y', passwordFile, '-f', file];
  const status = await ended(spawnBound('ldapmodify', args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  if (status !== 0) throw new Error(`ldapmodify ended with ${status}`);
}
