// A fixed number of sessions of one token, lent out one operation at a time: a session can hold only one. A session whose
// operation failed is never used again, because what it still holds is unknown.
import pkcs11 from 'pkcs11js';
import { Outage } from '../src/errors.ts';
import { type Cryptoki, type Handle, returnValueOf } from './pkcs11.ts';

export type SessionPool = {
  /** Lends a session to `work`, waiting for one if need be; after any error the session is closed and another takes its place. */
  use<T>(work: (session: Handle) => Promise<T>): Promise<T>;
  /** Has every session that is open now closed as soon as nobody uses it. */
  recycle(): void;
};

/** Opens a session; `writable` only where keys are made or destroyed. Throws what the module throws. */
export const openSession = (api: Cryptoki, slot: Handle, writable: boolean): Handle =>
  api.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | (writable ? pkcs11.CKF_RW_SESSION : 0));

/** Closes a session that may be beyond closing. */
export function closeSession(api: Cryptoki, session: Handle): void {
  try {
    api.C_CloseSession(session);
  } catch {
    // it was lost with its token
  }
}

function openOrOutage(api: Cryptoki, slot: Handle): Handle {
  try {
    return openSession(api, slot, false);
  } catch (cause) {
    throw new Outage('hsm', `the token opens no session: ${returnValueOf(cause)}`, { cause });
  }
}

type Lent = { readonly handle: Handle; readonly generation: number };

/** A pool of `size` read-only sessions, opened when first needed. */
export function openSessionPool(api: Cryptoki, slot: Handle, size: number): SessionPool {
  const idle: Lent[] = [];
  const waiting: (() => void)[] = [];
  let open = 0;
  let generation = 0;

  const take = async (): Promise<Lent> => {
    while (idle.length === 0 && open >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    const session = idle.pop();
    if (session !== undefined) return session;
    const handle = openOrOutage(api, slot);
    open += 1;
    return { handle, generation };
  };
  const close = (session: Lent): void => {
    open -= 1;
    closeSession(api, session.handle);
  };

  return {
    async use(work) {
      let session: Lent | undefined;
      let sound = false;
      try {
        session = await take();
        const result = await work(session.handle);
        sound = session.generation === generation;
        return result;
      } finally {
        if (session !== undefined && sound) idle.push(session);
        else if (session !== undefined) close(session);
        waiting.shift()?.();
      }
    },
    recycle() {
      generation += 1;
      for (const session of idle.splice(0)) close(session);
    },
  };
}
