// The signer role: one process for one token, the only one that knows its PIN. It opens no database, and no network but the metrics
// listener, where METRICS_LISTEN asks for one.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSigner, type SignerEvent } from '#hsm/signer.ts';
import type { AuthorityFile } from '#hsm/signing-key.ts';
import { type Config, required } from '../config.ts';
import { Refusal } from '../errors.ts';
import { errorFacts, type Log } from '../log.ts';
import { openMetrics } from '../metrics/open.ts';
import { signerSource } from '../metrics/signer-source.ts';
import type { RunningRole } from './role.ts';

const TOKENS = {
  issuing: { label: 'igc-sante-issuing', pin: 'ISSUING_PIN_FILE' },
  ocsp: { label: 'igc-sante-ocsp', pin: 'OCSP_PIN_FILE' },
} as const;

export type TokenName = keyof typeof TOKENS;
export const isTokenName = (text: string | undefined): text is TokenName => text === 'issuing' || text === 'ocsp';

/** Starts the signer of one token; a token that is away or a latched PIN does not stop it: it says so in its health. */
export async function startSigner(config: Config, token: TokenName, log: Log): Promise<RunningRole> {
  const { label, pin } = TOKENS[token];
  const metrics = await openMetrics(config, `signer ${token}`, log);
  const signer = await runSigner({
    token,
    module: required(config, 'PKCS11_MODULE'),
    tokenLabel: label,
    pinFile: required(config, pin),
    socketDirectory: join(required(config, 'SIGNER_SOCKETS'), token),
    stateDirectory: join(required(config, 'SIGNER_STATE'), token),
    authorities: await readAuthorityFiles(config, token),
    signingDeadlineMs: config.SIGNING_DEADLINE_MS,
    log: (event) => logEvent(log, event),
    measured: metrics.meter.signature,
  });
  await metrics.show([signerSource(token, signer.health)]);
  return {
    async stop() {
      await signer.close();
      await metrics.close();
    },
  };
}

/** A signer's event as a line of this role's log, as loud as it is grave. */
function logEvent(log: Log, event: SignerEvent): void {
  const { error, ...facts } = event;
  const grave = event.event === 'signer.bug' || event.event === 'signer.killed';
  const fine =
    event.event === 'signer.signing' ||
    (event.event === 'signer.token' && (event.state === 'open' || event.state === 'opening'));
  log[grave ? 'error' : fine ? 'info' : 'warn']({ ...facts, ...(error !== undefined && errorFacts(error)) }, 'signer');
}

/** The signer's own copy of the CA certificates: what a key is for does not come from whoever asks it to sign. */
async function readAuthorityFiles(config: Config, token: TokenName): Promise<AuthorityFile[]> {
  const directory = required(config, 'HIERARCHY_DIRECTORY');
  const files = readdirSync(directory).filter((name) => /^AC[RI]-[A-Z-]+\.cer$/.test(name));
  if (files.length === 0) {
    throw new Refusal('configuration_invalid', 'HIERARCHY_DIRECTORY holds no CA certificate', [
      {
        rule: 'the hierarchy is created first',
        at: 'HIERARCHY_DIRECTORY',
        detail: 'no *.cer file',
        remedy: 'run `scripts/igc hierarchy create`',
      },
    ]);
  }
  const ordered = token === 'issuing' ? await authoritiesOfOrders(config) : new Set<string>();
  return files.map((name) => {
    const id = name.replace(/\.cer$/, '');
    return { id, certificate: readFileSync(join(directory, name)), cardsOnly: !ordered.has(id) };
  });
}

/** The authorities with a profile that can be ordered. The OCSP token signs no certificates, and its signer reads no policies. */
async function authoritiesOfOrders(config: Config): Promise<ReadonlySet<string>> {
  const { loadPolicies } = await import('../policy/load.ts');
  const { profiles } = loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY);
  return new Set(
    [...profiles.values()].filter(({ issuedBy }) => issuedBy === 'order').flatMap(({ issuers }) => issuers),
  );
}
