// `npm run demo`: sets up a whole authority in var/demo, runs its main job, and lets openssl judge every file that it leaves.
// `-- --serve` leaves the service running and prints curl commands; `-- --verify` only reads the files of the last run back.

import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startCluster } from './cluster.ts';
import { callPublic } from './demo/api-call.ts';
import { type Child, type Environment, igc, startRole } from './demo/children.ts';
import { curlCommands } from './demo/curl-commands.ts';
import {
  clearStage,
  fetchPublished,
  issueCards,
  orderCertificates,
  type Stage,
  until,
  writeSummary,
} from './demo/main-job.ts';
import { openssl } from './demo/openssl.ts';
import { formatTable, readBack } from './demo/read-back.ts';
import { temporaryFolder } from './temporary.ts';

const ROOT = join(import.meta.dirname, '..');
const DIRECTORY = process.env.DEMO_DIRECTORY ?? join(ROOT, 'var', 'demo');
const API_HOST = 'api.demo.igc-sante.fr';
const PUBLIC_URL = 'http://igc.demo.igc-sante.fr';
const AGENCY = { id: '318751275100020', name: 'AGENCE DU NUMERIQUE EN SANTE', department: '75' };

const began = performance.now();
let line = 0;
const say = (text: string): void => {
  line += 1;
  process.stdout.write(`${String(line).padStart(2)}. ${text}\n`);
};

type Undo = () => Promise<unknown> | unknown;
const undo: Undo[] = [];

/** Ends everything that was started, newest first; asked twice it does it once. */
let ending: Promise<void> | undefined;
function end(): Promise<void> {
  ending ??= (async () => {
    for (const step of undo.reverse()) await step();
  })();
  return ending;
}

/** A port that is free now; the preferred one if it is. */
function freePort(preferred: number): Promise<number> {
  const attempt = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const probe = createServer().once('error', reject);
      probe.listen(port, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(address !== null && typeof address === 'object' ? address.port : port));
      });
    });
  return attempt(preferred).catch(() => attempt(0));
}

/** Where everything is: the hierarchy and its tokens stay in var/demo/state, sockets in a temporary folder of short path. */
async function prepare(): Promise<{ environment: Environment; apiPort: number; publicPort: number }> {
  const state = join(DIRECTORY, 'state');
  for (const folder of ['tokens', 'hierarchy', 'signer'])
    mkdirSync(join(state, folder), { recursive: true, mode: 0o700 });
  writeFileSync(
    join(state, 'softhsm2.conf'),
    `directories.tokendir = ${join(state, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const cluster = await startCluster({ durable: true });
  undo.push(() => cluster.stop());
  const apiPort = await freePort(8443);
  const publicPort = await freePort(8080);
  return {
    apiPort,
    publicPort,
    environment: {
      DATABASE_URL: cluster.url,
      SOFTHSM2_CONF: join(state, 'softhsm2.conf'),
      HIERARCHY_DIRECTORY: join(state, 'hierarchy'),
      ROOT_PIN_FILE: join(state, 'root.pin'),
      ISSUING_PIN_FILE: join(state, 'issuing.pin'),
      OCSP_PIN_FILE: join(state, 'ocsp.pin'),
      SIGNER_STATE: join(state, 'signer'),
      SIGNER_SOCKETS: join(temporaryFolder(), 's'),
      API_LISTEN: `127.0.0.1:${apiPort}`,
      PUBLIC_LISTEN: `127.0.0.1:${publicPort}`,
      API_TLS_KEY_FILE: join(DIRECTORY, 'keys', 'api.key'),
      API_TLS_CERTIFICATE_FILE: join(DIRECTORY, 'certificates', 'api.pem'),
    },
  };
}

/** The nine CAs, and their certificates where openssl and curl look for them. */
async function createHierarchy(environment: Environment): Promise<void> {
  await igc(environment, 'hierarchy', 'create', '--generate-pins');
  const source = environment.HIERARCHY_DIRECTORY ?? '';
  const roots: string[] = [];
  for (const name of readdirSync(source).filter((entry) => entry.endsWith('.cer'))) {
    copyFileSync(join(source, name), join(DIRECTORY, 'ca', name));
    if (name.startsWith('ACR-'))
      roots.push(await openssl('x509', '-inform', 'DER', '-in', join(source, name), '-outform', 'PEM'));
  }
  writeFileSync(join(DIRECTORY, 'ca', 'roots.pem'), `${roots.join('\n')}\n`);
}

/** The API's own TLS certificate is one of ours: an operator orders it before the API can start. */
async function issueApiCertificate(environment: Environment): Promise<void> {
  const signer = startRole(['signer', 'issuing'], environment, join(DIRECTORY, 'log', 'first-signer.log'));
  undo.push(() => signer.stop());
  await igc(
    environment,
    'structure',
    'add',
    '--id',
    AGENCY.id,
    '--name',
    AGENCY.name,
    '--department',
    AGENCY.department,
  );
  const { API_TLS_KEY_FILE = '', API_TLS_CERTIFICATE_FILE = '' } = environment;
  await until('the signer answers', async () => {
    await igc(
      environment,
      'certificate',
      'issue',
      'serv-ssl',
      '--structure',
      AGENCY.id,
      '--dns',
      API_HOST,
      '--new-key',
      API_TLS_KEY_FILE,
      '--out',
      API_TLS_CERTIFICATE_FILE,
    );
    return true;
  });
  await signer.stop();
}

async function serve(stage: Stage, service: Child): Promise<void> {
  process.stdout.write(`\nThe service is running; Ctrl-C ends it. In another terminal:\n\n${curlCommands(stage)}\n`);
  const code = await service.ended;
  if (ending === undefined) throw new Error(`the service ended by itself (${code}); see var/demo/log`);
}

async function main(): Promise<void> {
  const options = new Set(process.argv.slice(2));
  const unknown = [...options].filter((option) => option !== '--serve' && option !== '--verify');
  if (unknown.length > 0) throw new Error(`unknown option ${unknown.join(' ')}; there are --serve and --verify`);
  if (options.has('--verify')) {
    process.stdout.write(`${formatTable(await readBack(DIRECTORY))}\n`);
    return;
  }
  clearStage(DIRECTORY);
  say('starting PostgreSQL, in a folder of its own');
  const { environment, apiPort, publicPort } = await prepare();
  say(
    'three tokens, three roots, six intermediates (RSA-4096; the first time takes up to a minute, later runs keep them)',
  );
  await createHierarchy(environment);
  await issueApiCertificate(environment);
  say(`the API has its TLS certificate for ${API_HOST}, from the hierarchy`);
  const service = startRole(['all'], environment, join(DIRECTORY, 'log', 'service.log'));
  undo.push(() => service.stop());
  const stage: Stage = {
    directory: DIRECTORY,
    environment,
    apiHost: API_HOST,
    apiPort,
    publicPort,
    publicUrl: PUBLIC_URL,
    say,
  };
  await until(
    'the service is ready',
    async () => (await callPublic(publicPort, `${PUBLIC_URL}/readyz`)).status === 200,
  );
  say(`signers, worker, API (https 127.0.0.1:${apiPort}) and public role (http 127.0.0.1:${publicPort}) are running`);
  const made = [...(await issueCards(stage)), ...(await orderCertificates(stage))];
  await fetchPublished(stage, made);
  await writeSummary(stage, made);
  say('reading every file back with openssl');
  process.stdout.write(
    `\n${formatTable(await readBack(DIRECTORY))}\n\nFiles: ${DIRECTORY} · ${((performance.now() - began) / 1000).toFixed(1)} s\n`,
  );
  if (options.has('--serve')) await serve(stage, service);
}

// One Ctrl-C reaches us twice within a millisecond through npm, so the second signal is not taken as impatience.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    end().then(
      () => process.exit(signal === 'SIGINT' ? 130 : 143),
      () => process.exit(1),
    );
  });
}

try {
  await main();
  await end();
} catch (error) {
  process.stderr.write(`\ndemo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  await end().catch(() => undefined);
  process.exitCode = 1;
}
