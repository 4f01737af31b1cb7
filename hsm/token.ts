// One token, found by its label: login, keys, and signatures over digests. It knows nothing of what is signed, nor of who asks;
// a PIN passes through `login` and is kept nowhere.
import pkcs11 from 'pkcs11js';
import { Outage } from '../src/errors.ts';
import { signatureAlgorithmFor } from '../src/x509/algorithms.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import { generateKeyPair } from './key-generation.ts';
import {
  destroyKey,
  type FoundKey,
  findKey,
  KEY_MISSING,
  listKeyIds,
  type Searcher,
  type TokenKey,
} from './key-objects.ts';
import { LONGEST_SIGNATURE, mechanismFor, signatureFromToken, tokenInput } from './mechanisms.ts';
import { type Cryptoki, findSlot, type Handle, loadModule, returnValueOf } from './pkcs11.ts';
import { openSession, openSessionPool, type SessionPool } from './session-pool.ts';

export type Token = {
  /** Logs the user in for every session of the process. Throws what the module throws. */
  login(pin: string): void;
  /** The key with this id, or undefined. Throws Outage. */
  findKey(keyId: Uint8Array): TokenKey | undefined;
  /** The ids of every private key that has the token's own label, those of half-made pairs included. */
  listKeyIds(): Uint8Array[];
  /**
   * Signs a digest with the key `keyId`, whose public half in the token must be `spki`. ECDSA comes as Ecdsa-Sig-Value.
   * Throws Outage: `none` when C_Sign was certainly not called, `unknown` when it failed. Nothing is verified here.
   */
  sign(request: { keyId: Uint8Array; spki: Uint8Array; digest: Uint8Array }): Promise<Uint8Array>;
  generateKey(algorithm: KeyAlgorithm, label: string): Promise<TokenKey>;
  /** Whether there was such a key, or what is left of one, to destroy. */
  destroyKey(keyId: Uint8Array): boolean;
  /** Throws Outage when the session that stays open is lost, or no longer logged in. */
  probe(): void;
  /** Has every pooled session closed once it is free, after a signature that was not one. */
  recycleSessions(): void;
  /** Closes every session of the token, which ends the login too. */
  close(): void;
};

/** Finds the token and opens the session that stays open for good, so that nobody's closing ends the login. Throws Outage. */
export function attachToken(options: { module: string; label: string; sessions: number; writable: boolean }): Token {
  const api = loadModule(options.module);
  const slot = findSlot(api, options.label);
  const session = asOutage('the token opens no session', () => openSession(api, slot, options.writable));
  const searcher = { api, session };
  const pool = openSessionPool(api, slot, options.sessions);
  const known = new Map<string, FoundKey>();
  const search = (keyId: Uint8Array): FoundKey | undefined => {
    const id = Buffer.from(keyId).toString('hex');
    const key = known.get(id) ?? asOutage('the token cannot be searched', () => findKey(searcher, keyId));
    if (key !== undefined) known.set(id, key);
    return key;
  };
  return {
    login: (pin) => api.C_Login(session, pkcs11.CKU_USER, pin),
    findKey: search,
    listKeyIds: () => asOutage('the token cannot be searched', () => listKeyIds(searcher, options.label)),
    async sign(request) {
      try {
        return await signDigest(api, pool, { ...request, key: sameKey(search(request.keyId), request) });
      } catch (error) {
        // the handle may be what was wrong: the next signature searches the key and compares it again
        known.delete(Buffer.from(request.keyId).toString('hex'));
        throw error;
      }
    },
    generateKey: (algorithm, label) => generateKeyPair(api, slot, { algorithm, label }),
    destroyKey(keyId) {
      known.delete(Buffer.from(keyId).toString('hex'));
      return asOutage('the key was not destroyed', () => destroyKey(searcher, keyId));
    },
    probe: () => asOutage('the token is lost', () => requireLogin(searcher)),
    recycleSessions: () => pool.recycle(),
    close() {
      try {
        api.C_CloseAllSessions(slot);
      } catch {
        // the token is gone, and its sessions with it
      }
    },
  };
}

/** What `work` gives; whatever it throws becomes an Outage that names the return value. */
export function asOutage<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Outage) throw cause;
    throw new Outage('hsm', `${what}: ${returnValueOf(cause)}`, { cause });
  }
}

/** CKS_RO_USER_FUNCTIONS and CKS_RW_USER_FUNCTIONS of PKCS #11, which pkcs11js does not name. */
const LOGGED_IN: ReadonlySet<number> = new Set([1, 3]);

function requireLogin({ api, session }: Searcher): void {
  if (!LOGGED_IN.has(api.C_GetSessionInfo(session).state)) {
    throw new Error('CKR_USER_NOT_LOGGED_IN: somebody else ended the login');
  }
}

function sameKey(key: FoundKey | undefined, { keyId, spki }: { keyId: Uint8Array; spki: Uint8Array }): FoundKey {
  const id = Buffer.from(keyId).toString('hex');
  if (key === undefined) throw new Outage('hsm', `the token has no key ${id}`, { cause: KEY_MISSING });
  if (Buffer.compare(key.spki, spki) !== 0) {
    throw new Outage('hsm', `key ${id} of the token is another one than it should be`, { cause: KEY_MISSING });
  }
  return key;
}

async function signDigest(
  api: Cryptoki,
  pool: SessionPool,
  request: { key: FoundKey; digest: Uint8Array },
): Promise<Uint8Array> {
  const { key, digest } = request;
  const algorithm = signatureAlgorithmFor(key.spki);
  return pool.use(async (session: Handle) => {
    // C_SignInit is synchronous: a token that hangs here holds the whole thread, which the watchdog is for
    asOutage('the token takes nothing to sign', () => api.C_SignInit(session, mechanismFor(algorithm), key.privateKey));
    const input = tokenInput(algorithm, digest);
    const output = Buffer.alloc(LONGEST_SIGNATURE);
    try {
      return signatureFromToken(algorithm, await api.C_SignAsync(session, input, output));
    } catch (cause) {
      throw new Outage('hsm', `the token failed to sign: ${returnValueOf(cause)}`, { cause, signature: 'unknown' });
    } finally {
      // used after the await, so that neither buffer can be collected while the module still reads or writes it
      input.fill(0);
      output.fill(0);
    }
  });
}
