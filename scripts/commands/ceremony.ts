// What the commands with a root token in this process have in common: the hierarchy's directory under its lock, the journal,
// and tokens that are opened when they are first needed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openToken } from '#hsm/ceremony.ts';
import { readPin } from '#hsm/pin-file.ts';
import { actorText } from '../../src/actor.ts';
import type { Authority } from '../../src/authority.ts';
import { type CeremonyJournal, certificateMade, openJournal, recordsOf } from '../../src/ca/ceremony-journal.ts';
import { lockCeremony } from '../../src/ca/ceremony-lock.ts';
import { recordedSigner } from '../../src/ca/ceremony-signer.ts';
import { TOKENS, type TokenName, type TokenSettings } from '../../src/ca/ceremony-tokens.ts';
import type { CeremonyToken } from '../../src/ca/create-hierarchy.ts';
import { writeFileDurably } from '../../src/ca/durable-file.ts';
import { type Config, loadConfig, required } from '../../src/config.ts';
import type { RootCrlCommand } from '../../src/crl/publish-root.ts';
import { loadPolicies, type Policies } from '../../src/policy/load.ts';
import { operator } from './operator.ts';

export type CeremonyRoom = {
  readonly config: Config;
  readonly policies: Policies;
  readonly directory: string;
  readonly journal: CeremonyJournal;
  readonly tokens: TokenSettings;
  /** opens a token at the first call; one login each */
  readonly open: (name: TokenName) => CeremonyToken;
};

/** Runs `act` in the hierarchy's directory, which no other ceremony enters meanwhile; closes journal and tokens afterwards. */
export async function withCeremony<T>(act: (room: CeremonyRoom) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const policies = loadPolicies(config.POLICIES_DIRECTORY, config.HIERARCHY);
  const directory = required(config, 'HIERARCHY_DIRECTORY');
  const tokens = tokenSettings(config);
  const unlock = lockCeremony(directory);
  const opened = new Map<TokenName, ReturnType<typeof openToken>>();
  const open = (name: TokenName): CeremonyToken => {
    const token =
      opened.get(name) ??
      openToken({
        module: tokens.module,
        label: TOKENS[name],
        pin: readPin(tokens.pinFiles[name]),
        latchDirectory: directory,
      });
    opened.set(name, token);
    return token;
  };
  try {
    const journal = openJournal(join(directory, 'ceremony.ndjson'), {
      operator: actorText(operator()),
      clock: () => new Date(),
    });
    try {
      return await act({ config, policies, directory, journal, tokens, open });
    } finally {
      journal.close();
    }
  } finally {
    for (const token of opened.values()) token.close();
    unlock();
  }
}

const tokenSettings = (config: Config): TokenSettings => ({
  module: required(config, 'PKCS11_MODULE'),
  pinFiles: {
    root: required(config, 'ROOT_PIN_FILE'),
    issuing: required(config, 'ISSUING_PIN_FILE'),
    ocsp: required(config, 'OCSP_PIN_FILE'),
  },
});

/** The certificates that the journal says were made, by id. */
export function certificatesMade({
  journal,
  policies,
}: Pick<CeremonyRoom, 'journal' | 'policies'>): Map<string, Uint8Array> {
  return new Map(
    policies.hierarchy.authorities.flatMap(({ id }) => {
      const certificate = certificateMade(journal, id);
      return certificate === undefined ? [] : [[id, certificate] as const];
    }),
  );
}

/** What publishing a CRL of this root takes. */
export function rootCrlCommand({ open, journal, directory }: CeremonyRoom, root: Authority): RootCrlCommand {
  const file = join(directory, `${root.id}.crl`);
  const attempts = recordsOf(journal, 'signature.intent').filter(
    ({ what, authority }) => what === 'crl' && authority === root.id,
  );
  return {
    id: root.id,
    actor: operator(),
    kept: readFileIfThere(file),
    keep: (der) => writeFileDurably(file, der),
    attempted: attempts.map(({ tbs }) => Buffer.from(tbs, 'base64')),
    signer: () =>
      recordedSigner(open('root'), journal, { authority: root.id, about: root.id, spki: root.certificate.spki }),
  };
}

/** The bytes of a file; undefined when there is none. */
export function readFileIfThere(path: string): Uint8Array | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}
