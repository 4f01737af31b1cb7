// The signer role: one process for one token, the only one that knows its PIN. It opens no database and no network.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSigner } from '#hsm/signer.ts';
import type { AuthorityFile } from '#hsm/signing-key.ts';
import { type Config, required } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import { loadPolicies, type Policies } from '../policy/load.ts';
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
  const policies = loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY);
  const signer = await runSigner({
    token,
    module: required(config, 'PKCS11_MODULE'),
    tokenLabel: label,
    pinFile: required(config, pin),
    socketDirectory: join(required(config, 'SIGNER_SOCKETS'), token),
    stateDirectory: join(required(config, 'SIGNER_STATE'), token),
    authorities: readAuthorityFiles(required(config, 'HIERARCHY_DIRECTORY'), policies),
    signingDeadlineMs: config.SIGNING_DEADLINE_MS,
    log: (event) => log.info(event, 'signer'),
  });
  return { stop: () => signer.close() };
}

/** The signer's own copy of the CA certificates: what a key is for does not come from whoever asks it to sign. */
function readAuthorityFiles(directory: string, policies: Policies): AuthorityFile[] {
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
  const ordered = new Set(
    [...policies.profiles.values()].filter(({ issuedBy }) => issuedBy === 'order').flatMap(({ issuers }) => issuers),
  );
  return files.map((name) => {
    const id = name.replace(/\.cer$/, '');
    return { id, certificate: readFileSync(join(directory, name)), cardsOnly: !ordered.has(id) };
  });
}
