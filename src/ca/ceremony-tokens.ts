// The three tokens and their PINs. A PIN comes from a file, goes to the token, and is never shown; a token is made only once.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { initToken } from '#hsm/ceremony.ts';
import { readPin } from '#hsm/pin-file.ts';
import { listSlots, loadModule } from '#hsm/pkcs11.ts';
import { Refusal } from '../errors.ts';
import { type CeremonyJournal, recordsOf } from './ceremony-journal.ts';
import { writeFileDurably } from './durable-file.ts';

export const TOKENS = { root: 'igc-sante-root', issuing: 'igc-sante-issuing', ocsp: 'igc-sante-ocsp' } as const;
export type TokenName = keyof typeof TOKENS;

export type TokenSettings = {
  /** path of the PKCS#11 module */
  readonly module: string;
  /** the file with each token's PIN */
  readonly pinFiles: Readonly<Record<TokenName, string>>;
};

/**
 * Makes each token that is missing, with a random SO PIN that is kept in `<pin file>.so`. With `generatePins`, PIN files that are
 * missing get a random PIN. Throws Refusal `configuration_invalid` without PIN file, Outage when the module cannot be used.
 */
export function readyTokens(
  settings: TokenSettings,
  ceremony: {
    readonly journal: CeremonyJournal;
    readonly generatePins: boolean;
    readonly progress: (line: string) => void;
  },
): void {
  const known = new Set(recordsOf(ceremony.journal, 'token.ready').map(({ token }) => token));
  const names = (Object.keys(TOKENS) as TokenName[]).filter((name) => !known.has(name));
  // All PINs before the first token: what is missing is said before anything is made.
  for (const name of names) {
    if (ceremony.generatePins) generateSecret(settings.pinFiles[name]);
    readPin(settings.pinFiles[name]);
  }
  for (const name of names) {
    const how = readyToken(settings, name);
    ceremony.journal.append({ kind: 'token.ready', token: name, how });
    if (how === 'initialised')
      ceremony.progress(`token ${TOKENS[name]}: initialised; its SO PIN is in ${settings.pinFiles[name]}.so`);
  }
}

function readyToken({ module, pinFiles }: TokenSettings, name: TokenName): 'initialised' | 'found' {
  const label = TOKENS[name];
  const soPinFile = `${pinFiles[name]}.so`;
  const slot = listSlots(loadModule(module)).find((one) => one.label === label);
  if (slot !== undefined && !existsSync(soPinFile)) {
    if (slot.hasUserPin) return 'found';
    throw new Refusal('configuration_invalid', `nobody can log in to the token ${label}`, [
      {
        rule: 'a token has a PIN before the ceremony begins',
        at: label,
        detail: 'it was initialised, and its user was given no PIN',
        remedy: `put its SO PIN into ${soPinFile}, or set the PIN with the tool of its maker`,
      },
    ]);
  }
  // The SO PIN is on the disk before the token has it: a token whose SO PIN nobody knows could never be mended.
  generateSecret(soPinFile);
  try {
    initToken({ module, label, soPin: readPin(soPinFile), pin: readPin(pinFiles[name]) });
    return 'initialised';
  } catch (error) {
    // An earlier run made it, and stopped before the journal knew.
    if (error instanceof Refusal && error.code === 'already_exists') return 'found';
    throw error;
  }
}

/** Sixteen random characters in a file of the owner's alone; a file that is there already stays as it is. */
function generateSecret(path: string): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileDurably(path, `${randomBytes(12).toString('base64url')}\n`, 0o600);
}
