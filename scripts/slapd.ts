// A private OpenLDAP for a demo or a test run: in the temporary folder, on a Unix socket and a port of the loopback, as the account that
// runs us, ended with its parent. It holds c=FR and below; anyone may read, one name may write.
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endChild, spawnBound } from './process.ts';
import { temporaryFolder } from './temporary.ts';

export type Slapd = {
  /** `ldap://127.0.0.1:<port>` */
  readonly url: string;
  /** `ldapi://<percent-encoded path>` */
  readonly socketUrl: string;
  readonly bindDn: string;
  readonly passwordFile: string;
  readonly directory: string;
  /** ends the server and keeps its data; may be called twice */
  halt(): Promise<void>;
  /** starts it again on the same data and port */
  resume(): Promise<void>;
  /** ends the server and removes everything */
  stop(): Promise<void>;
};

export type SlapdOptions = {
  readonly port: number;
  /** bytes; a connection with a longer one is ended. Default: enough for lists of 35 MB */
  readonly largestRequest?: number;
  /** certificate and key of the server in PEM, for LDAPS and StartTLS */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly port: number };
};

const BINARIES = ['/usr/sbin/slapd', '/usr/libexec/slapd', '/opt/homebrew/opt/openldap/libexec/slapd'];
const SCHEMAS = ['/etc/ldap/schema', '/etc/openldap/schema', '/opt/homebrew/etc/openldap/schema'];
const MODULES = ['/usr/lib/ldap', '/usr/lib64/openldap'];
const SUFFIX = 'c=FR';
const BIND_DN = `cn=publisher,${SUFFIX}`;
const START_DEADLINE_MS = 15_000;

/** Where slapd is; undefined where it is not installed. */
const slapdBinary = (): string | undefined =>
  [process.env.SLAPD ?? '', ...BINARIES].find((path) => path !== '' && existsSync(path));

export const isInstalled = (): boolean => slapdBinary() !== undefined;

/** Starts slapd (a fifth of a second) and resolves when it takes connections. Fails with the end of its log. */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  const binary = slapdBinary();
  if (binary === undefined) throw new Error('slapd is not installed: apt-get install slapd ldap-utils (as root)');
  const directory = mkdtempSync(join(temporaryFolder(), 'ldap-'));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  mkdirSync(join(directory, 'data'), { mode: 0o700 });
  writeFileSync(join(directory, 'slapd.conf'), configuration(directory, options), { mode: 0o600 });
  const socketUrl = `ldapi://${encodeURIComponent(join(directory, 'socket'))}`;
  const url = `ldap://127.0.0.1:${options.port}`;
  const listen = [url, socketUrl, ...(options.tls === undefined ? [] : [`ldaps://127.0.0.1:${options.tls.port}`])];
  const run = async () => {
    const log = openSync(join(directory, 'slapd.log'), 'a', 0o600);
    const child = spawnBound(binary, ['-d', '0', '-f', 'slapd.conf', '-h', listen.map((one) => `${one}/`).join(' ')], {
      cwd: directory,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await untilListening(options.port, () => child.exitCode !== null || child.signalCode !== null, directory);
    return child;
  };
  let server = await run();
  return {
    ...{ url, socketUrl, directory, passwordFile, bindDn: BIND_DN },
    halt: () => endChild(server),
    async resume() {
      server = await run();
    },
    async stop() {
      await endChild(server);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Lists of 35 MB want more than the 10 MB of a database and the 4 MB of a request that are the defaults. */
function configuration(directory: string, { largestRequest = 268_435_456, tls }: SlapdOptions): string {
  const schemas = SCHEMAS.find((path) => existsSync(path));
  if (schemas === undefined) throw new Error('the schemas of OpenLDAP are not installed');
  const modules = MODULES.find((path) => existsSync(path));
  const password = readFileSync(join(directory, 'password'), 'utf8');
  return [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include ${schemas}/${name}.schema`),
    ...(modules === undefined ? [] : [`modulepath ${modules}`, 'moduleload back_mdb']),
    `pidfile ${directory}/slapd.pid`,
    `sockbuf_max_incoming ${largestRequest}`,
    `sockbuf_max_incoming_auth ${largestRequest}`,
    ...(tls === undefined ? [] : [`TLSCertificateFile ${tls.certificate}`, `TLSCertificateKeyFile ${tls.key}`]),
    'database mdb',
    `suffix "${SUFFIX}"`,
    `rootdn "${BIND_DN}"`,
    `rootpw ${password}`,
    `directory ${directory}/data`,
    'maxsize 4294967296',
    'index objectClass eq',
    'sizelimit unlimited',
    'access to * by * read',
    '',
  ].join('\n');
}

async function untilListening(port: number, hasEnded: () => boolean, directory: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!(await takesConnections(port))) {
    if (!hasEnded() && performance.now() < deadline) await sleep(20);
    else
      throw new Error(`slapd does not get ready:\n${readFileSync(join(directory, 'slapd.log'), 'utf8').slice(-2_000)}`);
  }
}

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
