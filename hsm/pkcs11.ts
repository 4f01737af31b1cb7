// The PKCS#11 module: loaded and initialised once per process, slots found by the token's label, return values read by name.
// This file and its neighbours are the only ones that import pkcs11js.
import pkcs11 from 'pkcs11js';
import { Outage } from '../src/errors.ts';

export type Cryptoki = pkcs11.PKCS11;
export type Handle = pkcs11.Handle;

const loaded = new Map<string, Cryptoki>();
const initialised = new Set<string>();

/**
 * Loads the module at `path` and initialises it; a second call gives the same one.
 * Throws Outage. A process has one owner of a module: two initialisations, even from two threads, refuse each other.
 */
export function loadModule(path: string): Cryptoki {
  const known = loaded.get(path);
  if (known !== undefined && initialised.has(path)) return known;
  try {
    const api = known ?? load(path);
    // without OS locking the first asynchronous call ends the process with SIGSEGV
    api.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK });
    initialised.add(path);
    return api;
  } catch (cause) {
    throw new Outage('hsm', `the PKCS#11 module ${path} cannot be used: ${returnValueOf(cause)}`, { cause });
  }
}

function load(path: string): Cryptoki {
  const api = new pkcs11.PKCS11();
  api.load(path);
  loaded.set(path, api);
  return api;
}

/**
 * Ends the module's work, so that the next `loadModule` begins anew: some modules, once cut off from their token, find it again
 * only so. No call may be under way in any thread.
 */
export function finaliseModule(path: string): void {
  if (!initialised.delete(path)) return;
  try {
    loaded.get(path)?.C_Finalize();
  } catch {
    // the module is cut off from its token, which is why it is ended
  }
}

/** The slot that holds the token with this label. Throws Outage when there is none, or more than one. */
export function findSlot(api: Cryptoki, label: string): Handle {
  const slots = listSlots(api).filter((slot) => slot.label === label);
  const [slot] = slots;
  if (slot === undefined) throw new Outage('hsm', `no token is labelled ${label}`);
  if (slots.length > 1) throw new Outage('hsm', `${slots.length} tokens are labelled ${label}`);
  return slot.handle;
}

export type Slot = {
  readonly handle: Handle;
  /** empty for a token that was never initialised */
  readonly label: string;
  readonly initialised: boolean;
  /** whether the user's PIN was ever set: without it nobody can log in */
  readonly hasUserPin: boolean;
};

/** Every slot with a token in it. */
export function listSlots(api: Cryptoki): Slot[] {
  try {
    return api.C_GetSlotList(true).map((handle) => {
      const { label, flags } = api.C_GetTokenInfo(handle);
      const has = (flag: number): boolean => (flags & flag) !== 0;
      return {
        handle,
        label: label.trimEnd(),
        initialised: has(pkcs11.CKF_TOKEN_INITIALIZED),
        hasUserPin: has(pkcs11.CKF_USER_PIN_INITIALIZED),
      };
    });
  } catch (cause) {
    throw new Outage('hsm', `the slots cannot be listed: ${returnValueOf(cause)}`, { cause });
  }
}

/** The name of the return value behind an error of pkcs11js, `CKR_DEVICE_ERROR`; else the error's own words. */
export function returnValueOf(error: unknown): string {
  if (error instanceof Outage && error.cause !== undefined) return returnValueOf(error.cause);
  const message = error instanceof Error ? error.message : String(error);
  return /\bCKR_[A-Z0-9_]+/.exec(message)?.[0] ?? message;
}

const PIN_REFUSED: ReadonlySet<string> = new Set([
  'CKR_PIN_INCORRECT',
  'CKR_PIN_INVALID',
  'CKR_PIN_LEN_RANGE',
  'CKR_PIN_EXPIRED',
  'CKR_PIN_LOCKED',
]);

/** Whether the token judged a PIN and refused it. */
export const isPinRefused = (error: unknown): boolean => PIN_REFUSED.has(returnValueOf(error));

const PIN_NOT_JUDGED: ReadonlySet<string> = new Set([
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_REMOVED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_USER_ALREADY_LOGGED_IN',
  'CKR_USER_PIN_NOT_INITIALIZED',
]);

/** Whether a login failed before any PIN was looked at, so that none of the token's tries is spent. */
export const isPinNotJudged = (error: unknown): boolean => PIN_NOT_JUDGED.has(returnValueOf(error));

const CONNECTION_LOST: ReadonlySet<string> = new Set([
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_GENERAL_ERROR',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
]);

/** Whether sessions, login and object handles are worthless after this error: a network HSM that restarted answers so. */
export const isConnectionLost = (error: unknown): boolean => CONNECTION_LOST.has(returnValueOf(error));
