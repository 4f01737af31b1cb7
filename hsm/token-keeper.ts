// Keeps one token open: opens it, logs in under the latch, and after a lost connection begins anew once nothing is under way.
// It never tries a PIN that was refused, and signs with no key that it has not compared since it opened the token.
import { Outage } from '../src/errors.ts';
import { KEY_MISSING } from './key-objects.ts';
import { readPin } from './pin-file.ts';
import { openPinLatch, type PinLatch } from './pin-latch.ts';
import { finaliseModule, isConnectionLost, returnValueOf } from './pkcs11.ts';
import { attachToken, type Token } from './token.ts';
import type { ThreadOptions, TokenStatus } from './token-messages.ts';

export type TokenKeeper = {
  /** Works with the open token. Throws Outage `none` at once while it is not open. */
  use<T>(work: (token: Token) => T | Promise<T>): Promise<T>;
  /** Logs out and ends the module's work. */
  close(): void;
};

/** Opens the token at once and reports every change of its status. Never throws: a token that is away is tried again. */
export function keepToken(options: ThreadOptions, report: (status: TokenStatus) => void): TokenKeeper {
  const { module, reopenMs } = options;
  let latch: PinLatch | undefined;
  let token: Token | undefined;
  let status: TokenStatus = { state: 'opening', loggedIn: false, pinLatch: 'clear', missingKeys: [] };
  let underWay = 0;
  let delay = reopenMs.first;
  let timer: NodeJS.Timeout | undefined;
  let triedPin: string | undefined;
  let changedPin: string | undefined;

  const become = (next: Partial<TokenStatus> & Pick<TokenStatus, 'state'>): void => {
    status = { loggedIn: next.state === 'open', missingKeys: [], pinLatch: latch?.state() ?? 'clear', ...next };
    report(status);
  };
  const later = (work: () => void, ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
  const away = (error: unknown): void => {
    become({ state: 'away', detail: error instanceof Error ? error.message : String(error) });
    later(open, delay);
    delay = Math.min(2 * delay, reopenMs.longest);
  };

  const open = (): void => {
    // C_Finalize under a running call is undefined; a call that hangs for good is the watchdog's affair
    if (underWay > 0) {
      later(open, reopenMs.first);
      return;
    }
    try {
      finaliseModule(module);
      latch ??= openPinLatch(options.stateDirectory, options.tokenLabel);
      const attached = attachToken({ ...options, label: options.tokenLabel });
      triedPin = readPin(options.pinFile);
      if (latch.attempt(triedPin, attached.login) !== 'accepted') {
        latched();
        return;
      }
      const missingKeys = options.expectedKeys.filter((key) => !hasKey(attached, key)).map(({ id }) => id);
      token = attached;
      delay = reopenMs.first;
      become({ state: 'open', missingKeys });
    } catch (error) {
      away(error);
    }
  };
  const latched = (): void => {
    finaliseModule(module);
    become({
      state: 'latched',
      detail:
        latch?.state() === 'attempting'
          ? 'two tries of the PIN ended without an answer of the token; an operator decides whether there is a third'
          : 'the token refused the PIN; it is tried again only when the PIN file holds another',
    });
    later(watchPinFile, reopenMs.longest);
  };
  // A changed PIN counts once it was read twice alike: a file that is just being written must not cost a try.
  const watchPinFile = (): void => {
    const pin = readPinIfAny(options.pinFile);
    const changed = pin !== undefined && pin !== triedPin && pin === changedPin;
    changedPin = pin;
    if (changed) open();
    else later(watchPinFile, reopenMs.longest);
  };

  // A token that dies while nobody asks it is noticed before somebody does. The timer is the thread's own and ends with it.
  const probing = setInterval(() => {
    if (token !== undefined && underWay === 0) keeper.use((open) => open.probe()).catch(() => undefined);
  }, options.probeMs);

  const keeper: TokenKeeper = {
    async use(work) {
      if (token === undefined)
        throw new Outage('hsm', `the token is ${status.state}: ${status.detail ?? 'one moment'}`);
      underWay += 1;
      try {
        return await work(token);
      } catch (error) {
        if (token !== undefined && isConnectionLost(error)) {
          token = undefined;
          away(error);
        }
        throw error;
      } finally {
        underWay -= 1;
      }
    },
    close() {
      clearTimeout(timer);
      clearInterval(probing);
      token = undefined;
      if (underWay === 0) finaliseModule(module);
    },
  };
  open();
  return keeper;
}

function hasKey(token: Token, expected: { keyId: Uint8Array; spki: Uint8Array }): boolean {
  try {
    const found = token.findKey(expected.keyId);
    return found !== undefined && Buffer.compare(found.spki, expected.spki) === 0;
  } catch (error) {
    if (isConnectionLost(error)) throw error;
    return false;
  }
}

function readPinIfAny(pinFile: string): string | undefined {
  try {
    return readPin(pinFile);
  } catch {
    return undefined;
  }
}

/** An Outage as it goes from thread to thread. */
export function toOutageMessage(error: unknown): { message: string; signature: 'none' | 'unknown'; cause: string } {
  const cause = error instanceof Outage && error.cause === KEY_MISSING ? KEY_MISSING : returnValueOf(error);
  if (error instanceof Outage) return { message: error.message, signature: error.signature, cause };
  // not an answer of the token: a bug, or the module's; nothing may be assumed of the signature
  return { message: 'the signer failed', signature: 'unknown', cause };
}
