// What the signer's main thread and the thread that holds the token say to each other.
import type { Outage } from '../src/errors.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import type { TokenKey } from './key-objects.ts';
import type { LatchState } from './pin-latch.ts';

/** Every operation: what it takes and what it gives. */
export type TokenOperations = {
  sign: { request: { keyId: Uint8Array; spki: Uint8Array; digest: Uint8Array }; result: Uint8Array };
  findKey: { request: { keyId: Uint8Array }; result: TokenKey | undefined };
  generateKey: { request: { algorithm: KeyAlgorithm }; result: TokenKey };
  listKeys: { request: object; result: readonly Uint8Array[] };
  destroyKey: { request: { keyId: Uint8Array }; result: boolean };
  recycleSessions: { request: object; result: undefined };
  close: { request: object; result: undefined };
};

export type OperationName = keyof TokenOperations;

/** An operation's name with what it takes. */
export type TokenRequest = { [Name in OperationName]: { op: Name } & TokenOperations[Name]['request'] }[OperationName];

export type ToThread = { readonly id: number; readonly request: TokenRequest };

/** How the token stands, as last known to its thread. */
export type TokenStatus = {
  /** `latched`: its PIN was refused, and nothing is tried before the PIN file changes */
  readonly state: 'opening' | 'open' | 'away' | 'latched';
  readonly loggedIn: boolean;
  readonly pinLatch: LatchState;
  /** ids of the CAs whose key the token lacks, or has another one for */
  readonly missingKeys: readonly string[];
  /** why it is not open */
  readonly detail?: string;
};

export type OutageMessage = {
  readonly message: string;
  readonly signature: Outage['signature'];
  /** name of a return value, or KEY_MISSING */
  readonly cause: string;
};

export type FromThread =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly outage: OutageMessage }
  | { readonly status: TokenStatus };

/** What the thread is started with; the PIN is in none of it. */
export type ThreadOptions = {
  readonly module: string;
  readonly tokenLabel: string;
  readonly pinFile: string;
  readonly stateDirectory: string;
  readonly sessions: number;
  /** whether keys are made and destroyed */
  readonly writable: boolean;
  readonly expectedKeys: readonly { readonly id: string; readonly keyId: Uint8Array; readonly spki: Uint8Array }[];
  readonly reopenMs: { readonly first: number; readonly longest: number };
  /** how often an idle token is looked at */
  readonly probeMs: number;
  /** one counter that grows as long as the thread is alive */
  readonly heartbeat: SharedArrayBuffer;
};
