// A token that is away, hangs, dies, comes back, lies, or refuses its PIN. It sits behind p11-kit's server, in processes that can be
// stopped and killed; opensc's spy counts what is asked of it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pkcs11 from 'pkcs11js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { initToken, openToken } from '#hsm/ceremony.ts';
import type { Signer } from '#hsm/client.ts';
import { findObjects } from '#hsm/key-objects.ts';
import { findSlot, loadModule } from '#hsm/pkcs11.ts';
import { closeSession, openSession } from '#hsm/session-pool.ts';
import { Outage } from '../../src/errors.ts';
import { type SignerOptions, type SignerProcess, startSigner } from '../helpers/signer-process.ts';
import * as make from '../helpers/test-hierarchy.ts';
import {
  createTokens,
  labelOf,
  pinOf,
  type RemoteToken,
  serveRemotely,
  spyOn,
  type TestTokens,
} from '../helpers/token.ts';

let tokens: TestTokens;
let remote: RemoteToken;
let root: make.TestAuthority;
let aci: make.TestAuthority;
let second: make.TestAuthority;
let signer: SignerProcess | undefined;

beforeAll(async () => {
  tokens = createTokens(['root', 'issuing']);
  const open = (name: 'root' | 'issuing') =>
    openToken({ module: tokens.module, label: labelOf(name), pin: pinOf(name), latchDirectory: tokens.folder });
  const ceremonies = { root: open('root'), holder: open('issuing') };
  const algorithm = { type: 'ec', curve: 'P-256' } as const;
  root = await make.createAuthority('ACR-EL-TEST', { root: ceremonies.root, holder: ceremonies.root, algorithm });
  aci = await make.createAuthority('ACI-EL-ORG-TEST', { ...ceremonies, algorithm, issuer: root });
  second = await make.createAuthority('ACI-FO-PP-TEST', { ...ceremonies, algorithm, issuer: root });
  ceremonies.root.close();
  ceremonies.holder.close();
  remote = serveRemotely(tokens);
}, 60_000);

afterEach(async () => {
  await signer?.kill();
  signer = undefined;
  remote.resume();
  await remote.kill();
});
afterAll(() => tokens.remove());

const start = async (options: Partial<SignerOptions> = {}): Promise<SignerProcess> => {
  signer = await startSigner({ tokens, token: 'issuing', authorities: [root, aci, second], ...options });
  return signer;
};
const behindServer = () => ({ module: remote.module, environment: remote.environment });
/** The spy before p11-kit's client. */
const spied = (name: string) => {
  const spy = spyOn(remote.module, join(tokens.folder, `${name}.spy`));
  return { spy, options: { module: spy.module, environment: { ...remote.environment, ...spy.environment } } };
};

const HOLDER = make.paperKey({ type: 'ec', curve: 'P-256' });

const outcomeOf = (api: Signer, authority = aci): Promise<string> =>
  api.sign(authority.keyId, make.certificateTbs(make.endEntity(authority, HOLDER))).then(
    () => 'signed',
    (error: unknown) => (error instanceof Outage ? error.signature : String(error)),
  );

/** Asks until a signature comes; vitest's own timeout ends the wait. */
const untilSigned = async (api: Signer): Promise<void> => {
  while ((await outcomeOf(api)) !== 'signed') await new Promise((resolve) => setTimeout(resolve, 50));
};

describe('a token that hangs', () => {
  test('is answered for by the deadline with unknown, health goes on, and the breaker opens and closes again', async () => {
    await remote.start();
    const running = await start({
      ...behindServer(),
      signingDeadlineMs: 500,
      limits: { watchdogMarginMs: 600_000, breakerFailures: 2, breakerBackoffMs: { first: 1_000, longest: 1_000 } },
    });
    await running.untilHealth('api', ({ ready }) => ready);
    const api = running.connect('api');
    await untilSigned(api);

    remote.freeze();
    expect(await Promise.all([outcomeOf(api), outcomeOf(api)])).toEqual(['unknown', 'unknown']);
    expect(await running.connect('operator').health()).toMatchObject({
      ready: false,
      state: 'open',
      breaker: 'open',
      inFlight: 2,
    });
    expect(await outcomeOf(api)).toBe('none');

    remote.resume();
    await untilSigned(api);
    expect(await running.connect('operator').health()).toMatchObject({ ready: true, breaker: 'closed', inFlight: 0 });
  });

  test('for longer than the margin makes the signer end itself, so that it is started anew', async () => {
    await remote.start();
    const running = await start({ ...behindServer(), signingDeadlineMs: 500, limits: { watchdogMarginMs: 500 } });
    await running.untilHealth('api', ({ ready }) => ready);
    remote.freeze();
    expect(await outcomeOf(running.connect('api'))).toBe('unknown');
    expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(running.events.at(-1)).toMatchObject({ event: 'signer.killed' });
  });

  test('while it is opened leaves a signer that answers none and says so', async () => {
    await remote.start();
    remote.freeze();
    const running = await start(behindServer());
    expect(await outcomeOf(running.connect('api'))).toBe('none');
    expect(await running.connect('api').health()).toMatchObject({ ready: false, state: 'opening', loggedIn: false });
    remote.resume();
    await untilSigned(running.connect('api'));
  });
});

describe('a token that dies', () => {
  test('is logged in to again once it is back, and its keys are compared before they sign', async () => {
    await remote.start();
    const { spy, options } = spied('died');
    const running = await start(options);
    await running.untilHealth('api', ({ ready }) => ready);
    const api = running.connect('api');
    await untilSigned(api);

    const untilRefused = async (): Promise<string> => {
      for (;;) {
        const outcome = await outcomeOf(api);
        if (outcome !== 'signed') return outcome;
      }
    };
    const callers = Array.from({ length: 4 }, untilRefused);
    await remote.kill();
    for (const outcome of await Promise.all(callers)) expect(['none', 'unknown']).toContain(outcome);
    await running.untilHealth('api', ({ state }) => state === 'away');
    expect(await outcomeOf(api)).toBe('none');

    const before = spy.calls();
    await remote.start();
    await running.untilHealth('api', ({ ready }) => ready);
    await untilSigned(api);
    const after = spy.calls().slice(before.length);
    expect(after.filter((name) => name === 'C_Login')).toHaveLength(1);
    // searched and read anew before the first signature
    expect(after.indexOf('C_FindObjectsInit')).toBeLessThan(after.indexOf('C_SignInit'));
    expect(after.indexOf('C_GetAttributeValue')).toBeLessThan(after.indexOf('C_SignInit'));
  });

  test('is noticed while nobody asks it for anything', async () => {
    await remote.start();
    const running = await start({ ...behindServer(), limits: { probeMs: 50 } });
    await running.untilHealth('api', ({ ready }) => ready);
    await remote.kill();
    await running.untilHealth('api', ({ state, ready }) => state === 'away' && !ready);
  });

  test('and comes back with another key under the same id signs nothing with it', async () => {
    await remote.start();
    const running = await start(behindServer());
    await running.untilHealth('api', ({ ready }) => ready);
    const api = running.connect('api');
    await untilSigned(api);
    await remote.kill();
    expect(await outcomeOf(api)).not.toBe('signed');
    const restore = await exchangeKeys(['private', 'public']);
    await remote.start();
    const health = await running.untilHealth('api', ({ state }) => state === 'open');
    const outcomes = [await outcomeOf(api), await outcomeOf(api, second)];
    restore();
    expect(health.missingKeys).toEqual([aci.id]);
    expect(outcomes).toEqual(['none', 'signed']);
  });
});

/** Puts a new key in the place of aci's, wholly or only its private half; gives what undoes it. */
async function exchangeKeys(halves: readonly ('private' | 'public')[]): Promise<() => void> {
  const ceremony = openToken({
    module: tokens.module,
    label: labelOf('issuing'),
    pin: pinOf('issuing'),
    latchDirectory: tokens.folder,
  });
  const fresh = await ceremony.generateKey({ type: 'ec', curve: 'P-256' });
  const classes = halves.map((half) => (half === 'private' ? pkcs11.CKO_PRIVATE_KEY : pkcs11.CKO_PUBLIC_KEY));
  const api = loadModule(tokens.module);
  const session = openSession(api, findSlot(api, labelOf('issuing')), true);
  const aside = Buffer.alloc(20, 0xee);
  const rename = (from: Uint8Array, to: Uint8Array): void => {
    for (const type of classes) {
      const template = [
        { type: pkcs11.CKA_CLASS, value: type },
        { type: pkcs11.CKA_ID, value: Buffer.from(from) },
      ];
      for (const handle of findObjects({ api, session }, template)) {
        api.C_SetAttributeValue(session, handle, [{ type: pkcs11.CKA_ID, value: Buffer.from(to) }]);
      }
    }
  };
  rename(aci.keyId, aside);
  rename(fresh.keyId, aci.keyId);
  return () => {
    rename(aci.keyId, fresh.keyId);
    rename(aside, aci.keyId);
    closeSession(api, session);
    ceremony.close();
  };
}

test('a signature that does not verify is never answered, and its session is closed', async () => {
  const restore = await exchangeKeys(['private']);
  const spy = spyOn(tokens.module, join(tokens.folder, 'corrupt.spy'));
  const running = await start({ module: spy.module, environment: spy.environment });
  await running.untilHealth('api', ({ ready }) => ready);
  const api = running.connect('api');
  const outcomes = [await outcomeOf(api), await outcomeOf(api, second)];
  restore();
  expect(outcomes).toEqual(['unknown', 'signed']);
  const calls = spy.calls();
  const signed = calls.indexOf('C_Sign');
  expect(calls.slice(signed, calls.indexOf('C_SignInit', signed))).toContain('C_CloseSession');
});

test('a key that the token lacks is an outage of that key alone', async () => {
  const lacking = make.paperAuthority('ACI-ST-PP-TEST', { type: 'ec', curve: 'P-256' });
  const running = await start({ authorities: [root, aci, lacking], limits: { breakerFailures: 1 } });
  const health = await running.untilHealth('api', ({ ready }) => ready);
  expect(health.missingKeys).toEqual([lacking.id]);
  const api = running.connect('api');
  expect([await outcomeOf(api, lacking), await outcomeOf(api, lacking), await outcomeOf(api)]).toEqual([
    'none',
    'none',
    'signed',
  ]);
});

describe('a token that is not there', () => {
  test('leaves a signer that answers none at once, says why, and opens the token when it comes', async () => {
    const running = await start({ ...behindServer(), limits: { reopenMs: { first: 50, longest: 50 } } });
    const away = await running.untilHealth('api', ({ state }) => state === 'away');
    expect(away).toMatchObject({ ready: false, loggedIn: false, pinLatch: 'clear' });
    expect(away.detail).toMatch(/CKR_|no token/);
    expect(await outcomeOf(running.connect('api'))).toBe('none');
    await remote.start();
    await untilSigned(running.connect('api'));
  });

  test('nor its module, nor its PIN file', async () => {
    for (const options of [{ module: '/nonexistent.so' }, { pinFile: '/nonexistent.pin' }]) {
      const running = await start(options);
      const { detail } = await running.untilHealth('api', ({ state }) => state === 'away');
      expect(detail).toContain('nonexistent');
      await running.stop();
    }
  });
});

describe('a PIN that is refused', () => {
  test('is tried once in ten restarts, and never again by itself', async () => {
    const spy = spyOn(tokens.module, join(tokens.folder, 'latch.spy'));
    const options = {
      module: spy.module,
      environment: spy.environment,
      stateDirectory: join(tokens.folder, 'latch'),
      limits: { reopenMs: { first: 10, longest: 10 } },
    };
    for (let restart = 0; restart < 10; restart += 1) {
      // a new file each time, with the same wrong PIN in it
      const running = await start({ ...options, pinFile: tokens.pinFile('issuing', 'wrong-pin') });
      const health = await running.untilHealth('api', ({ state }) => state === 'latched');
      expect(health).toMatchObject({ ready: false, loggedIn: false, pinLatch: 'refused' });
      expect(health.detail).not.toContain('wrong-pin');
      expect(await outcomeOf(running.connect('api'))).toBe('none');
      await running.stop();
    }
    expect(spy.calls().filter((name) => name === 'C_Login')).toHaveLength(1);

    // the same state, and a PIN file that is put right while the signer runs
    const pinFile = tokens.pinFile('issuing', 'wrong-pin');
    const running = await start({ ...options, pinFile });
    await running.untilHealth('api', ({ state }) => state === 'latched');
    writeFileSync(pinFile, pinOf('issuing'));
    await running.untilHealth('api', ({ ready }) => ready);
    expect(await outcomeOf(running.connect('api'))).toBe('signed');
    expect(spy.calls().filter((name) => name === 'C_Login')).toHaveLength(2);
    expect(JSON.stringify(running.events)).not.toMatch(/wrong-pin|pin-issuing/);
  }, 60_000);

  test('costs the other tokens nothing', async () => {
    initToken({ module: tokens.module, label: labelOf('ocsp'), soPin: 'so-pin-4711', pin: pinOf('ocsp') });
    const running = await start({ token: 'ocsp', authorities: [] });
    await running.untilHealth('public', ({ ready }) => ready);
    expect((await running.connect('worker').generateKey({ type: 'ec', curve: 'P-256' })).keyId).toHaveLength(20);
  });
});
