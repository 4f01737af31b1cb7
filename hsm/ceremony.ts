// Tokens opened by people: making the hierarchy, and the roots' lists. No socket, no queue; the same keys, the same check in
// software of every signature, and duties of its own: CA certificates and CRLs, nothing for end entities.
import pkcs11 from 'pkcs11js';
import { Outage, Refusal } from '../src/errors.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import type { Signable } from '../src/x509/signable.ts';
import type { TokenKey } from './key-objects.ts';
import { type LatchState, latchFile, openPinLatch } from './pin-latch.ts';
import { listSlots, loadModule } from './pkcs11.ts';
import { CEREMONY, checkPurpose } from './purpose.ts';
import { closeSession, openSession } from './session-pool.ts';
import { signingKeyOf } from './signing-key.ts';
import { openIntake, refuseToSign } from './to-be-signed.ts';
import { asOutage, attachToken, type Token } from './token.ts';

export type CeremonyToken = {
  /** Makes a key pair that never leaves the token; seconds for RSA-4096. Throws Outage. */
  generateKey(algorithm: KeyAlgorithm, label?: string): Promise<TokenKey>;
  /**
   * Signs a linted CA certificate or CRL with the key `keyId`, and verifies the signature before it gives it.
   * Throws Refusal `signer_refused` without having asked the token to sign, Outage with what is known of the signature.
   */
  sign(keyId: Uint8Array, signable: Signable): Promise<Uint8Array>;
  findKey(keyId: Uint8Array): TokenKey | undefined;
  listKeyIds(): Uint8Array[];
  /** Whether there was such a key to destroy. */
  destroyKey(keyId: Uint8Array): boolean;
  close(): void;
};

/** How far thisUpdate of a list may be from this machine's clock. */
const TOLERANCE_MS = 10 * 60_000;

export type OpenOptions = {
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  /** where it is kept that the token refused a PIN: the same PIN is then not tried again, however often a ceremony is repeated */
  readonly latchDirectory: string;
};

/**
 * Opens a token with its PIN, which is tried once. Throws Outage when the token is away, Refusal `configuration_invalid` when it
 * refuses the PIN or refused it before.
 */
export function openToken(options: OpenOptions): CeremonyToken {
  const latch = openPinLatch(options.latchDirectory, options.label);
  const token = attachToken({ module: options.module, label: options.label, sessions: 1, writable: true });
  try {
    if (latch.attempt(options.pin, token.login) !== 'accepted') throw wrongPin(options, latch.state());
  } catch (cause) {
    token.close();
    if (cause instanceof Refusal) throw cause;
    throw new Outage('hsm', `the token ${options.label} cannot be logged in to`, { cause });
  }
  return {
    generateKey: (algorithm, label = options.label) => token.generateKey(algorithm, label),
    sign: (keyId, signable) => signInCeremony(token, keyId, signable),
    findKey: (keyId) => token.findKey(keyId),
    listKeyIds: () => token.listKeyIds(),
    destroyKey: (keyId) => token.destroyKey(keyId),
    close: () => token.close(),
  };
}

const wrongPin = ({ label, latchDirectory }: OpenOptions, latch: LatchState): Refusal =>
  new Refusal('configuration_invalid', `the token ${label} refuses the PIN`, [
    {
      rule: 'a refused PIN is tried once',
      at: label,
      detail:
        latch === 'attempting' ? 'two tries ended without an answer of the token' : 'this PIN is not that of the token',
      remedy: `correct the PIN file; if the PIN is right, remove ${latchFile(latchDirectory, label)} to have it tried once more`,
    },
  ]);

async function signInCeremony(token: Token, keyId: Uint8Array, { tbs }: Signable): Promise<Uint8Array> {
  const found = token.findKey(keyId);
  if (found === undefined) throw new Outage('hsm', `the token has no key ${Buffer.from(keyId).toString('hex')}`);
  const key = signingKeyOf(found.spki);
  const intake = openIntake({ length: tbs.length, duties: CEREMONY, key });
  intake.write(tbs);
  const arrived = intake.end();
  const context = { duties: CEREMONY, keyId, key, authorities: [], now: new Date(), toleranceMs: TOLERANCE_MS };
  const findings = checkPurpose(arrived.received, context);
  if (findings.length > 0) throw refuseToSign(findings);
  const signature = await token.sign({ keyId, spki: key.spki, digest: arrived.digest(key) });
  if (!arrived.verify(key, signature)) {
    token.recycleSessions();
    throw new Outage('hsm', 'the token gave a signature that does not verify', { signature: 'unknown' });
  }
  return signature;
}

/**
 * Makes a token on a free slot of the module and sets its PINs. One whose making stopped before its user had a PIN is finished.
 * Throws Refusal `already_exists` when the label is taken, Outage when no slot is free.
 */
export function initToken(options: { module: string; label: string; soPin: string; pin: string }): void {
  const api = loadModule(options.module);
  const slots = listSlots(api);
  const begun = slots.find(({ label }) => label === options.label);
  if (begun?.hasUserPin === true) {
    throw new Refusal('already_exists', `a token labelled ${options.label} exists already`);
  }
  const free = slots.find(({ initialised }) => !initialised);
  const slot = begun ?? free;
  if (slot === undefined) throw new Outage('hsm', 'no slot is free for a new token');
  asOutage('the token cannot be initialised', () => {
    // PKCS #11 wants 32 octets, filled up with blanks
    if (begun === undefined) api.C_InitToken(slot.handle, options.soPin, options.label.padEnd(32));
    // If we stop here, the token has a label and nobody's PIN: the repeat sets it, with the SO PIN that was kept first.
    const session = openSession(api, slot.handle, true);
    try {
      api.C_Login(session, pkcs11.CKU_SO, options.soPin);
      api.C_InitPIN(session, options.pin);
      api.C_Logout(session);
    } finally {
      closeSession(api, session);
    }
  });
}
