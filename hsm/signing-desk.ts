// What the signer does with one request of one role, in this order: rights, purpose, token, check in software. Whatever is refused
// was refused before the token heard of it.
import { Outage } from '../src/errors.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import type { Breaker } from './breaker.ts';
import type { Call } from './connection.ts';
import { fromHex, type SignerAnswer, type SignerHealth, type SignerRequest, toHex } from './frames.ts';
import type { Gate, Progress } from './gate.ts';
import { KEY_MISSING } from './key-objects.ts';
import { checkPurpose, RIGHTS, type Role, type TokenKind } from './purpose.ts';
import { type SigningEvent, signingEvent } from './signing-event.ts';
import { type IssuingKey, isRoot, type SigningKey, signingKeyOf } from './signing-key.ts';
import { type Arrived, openIntake, refuseToSign } from './to-be-signed.ts';
import type { TokenLine } from './token-line.ts';

export type Desk = {
  /** Begins what `role` asks. Throws Refusal `signer_refused`. */
  begin(role: Role, request: SignerRequest, expiresAt: number): Call;
};

export type DeskOptions = {
  readonly token: TokenKind;
  readonly tokenLabel: string;
  readonly authorities: readonly IssuingKey[];
  readonly line: TokenLine;
  readonly signing: Gate;
  /** for making and destroying keys, which may take long */
  readonly keys: Gate;
  readonly breaker: Breaker;
  readonly clock: () => Date;
  readonly toleranceMs: number;
  readonly keyGenerationMs: number;
  /** Hears of each certificate and list before the token does: what a process that was taken over had signed can be told from it. */
  readonly onSigning: (event: SigningEvent) => void;
};

type SignRequest = Extract<SignerRequest, { op: 'sign' }>;

export function openDesk(options: DeskOptions): Desk {
  const { token, line, keys, keyGenerationMs } = options;
  const sign = openSigning(options);

  return {
    begin(role, request, expiresAt) {
      const rights = RIGHTS[token][role];
      if (rights === undefined) throw notForThisRole();
      switch (request.op) {
        case 'health':
          return withoutBody(async () => ({ kind: 'health', health: healthOf(options) }));
        case 'sign':
          return sign.begin(role, request, expiresAt);
        case 'generateKey': {
          if (!rights.manageKeys) throw notForThisRole();
          const until = performance.now() + Math.min(request.deadlineMs, keyGenerationMs);
          return withoutBody(() => generateKey(options, request.algorithm, until));
        }
        case 'listKeys':
          if (!rights.manageKeys) throw notForThisRole();
          return withoutBody(async () => {
            const keyIds = await keys.pass(() => line.call('listKeys', {}), expiresAt);
            return { kind: 'keys', keyIds: keyIds.map(toHex) };
          });
        case 'destroyKey':
          if (!rights.manageKeys) throw notForThisRole();
          return withoutBody(async () => {
            const keyId = fromHex(request.keyId);
            const existed = await keys.pass(() => line.call('destroyKey', { keyId }), expiresAt);
            sign.forget(request.keyId);
            return { kind: 'destroyed', existed };
          });
      }
    },
  };
}

const notForThisRole = (): Error =>
  refuseToSign([{ rule: 'what this socket may ask', detail: 'this caller may not ask that of this token' }]);

function withoutBody(finish: () => Promise<SignerAnswer>): Call {
  return { bodyLength: 0, write: () => undefined, finish };
}

async function generateKey({ line, keys }: DeskOptions, algorithm: KeyAlgorithm, until: number): Promise<SignerAnswer> {
  requireOpen(line);
  const { keyId, spki } = await keys.pass(() => line.call('generateKey', { algorithm }), until);
  return { kind: 'key', keyId: toHex(keyId), spki: toHex(spki) };
}

function requireOpen(line: TokenLine): void {
  const { state, detail } = line.status();
  if (state !== 'open') throw new Outage('hsm', `the token is ${state}${detail === undefined ? '' : `: ${detail}`}`);
}

function openSigning(options: DeskOptions) {
  const { token, authorities, line, signing, clock, toleranceMs, onSigning } = options;
  const issuing = new Map(authorities.filter((key) => !isRoot(key)).map((key) => [toHex(key.keyId), key]));
  const responders = new Map<string, SigningKey>();

  const keyFor = async (id: string): Promise<SigningKey> => {
    const known = issuing.get(id) ?? responders.get(id);
    if (known !== undefined) return known;
    const found = await line.call('findKey', { keyId: fromHex(id) });
    const key = found === undefined ? undefined : signingKeyOf(found.spki);
    if (key === undefined || toHex(key.keyId) !== id)
      throw new Outage('hsm', `the token has no key ${id}`, { cause: KEY_MISSING });
    responders.set(id, key);
    return key;
  };
  const makeSignature = async (id: string, arrived: Arrived, progress: Progress): Promise<SignerAnswer> => {
    const key = await keyFor(id);
    const digest = new Uint8Array(arrived.digest(key));
    progress.asking();
    const signature = await line.call('sign', { keyId: key.keyId, spki: key.spki, digest });
    if (arrived.verify(key, signature)) return { kind: 'signature', signature: toHex(signature) };
    line.call('recycleSessions', {}).catch(() => undefined);
    throw new Outage('hsm', 'the token gave a signature that does not verify', { signature: 'unknown' });
  };

  return {
    begin(role: Role, { keyId: id, bodyLength }: SignRequest, expiresAt: number): Call {
      const duties = RIGHTS[token][role]?.sign ?? [];
      const key = issuing.get(id);
      if (duties.length === 0 || (token === 'issuing' && key === undefined)) throw notForThisRole();
      const intake = openIntake({ length: bodyLength, duties, key });
      return {
        bodyLength,
        write: intake.write,
        async finish() {
          const arrived = intake.end();
          const context = {
            duties,
            keyId: fromHex(id),
            ...(key === undefined ? {} : { key }),
            authorities,
            now: clock(),
            toleranceMs,
          };
          const findings = checkPurpose(arrived.received, context);
          if (findings.length > 0) throw refuseToSign(findings);
          requireOpen(line);
          const event = signingEvent(role, id, arrived.received);
          if (event !== undefined) onSigning(event);
          return signing.pass((progress) => makeSignature(id, arrived, progress), expiresAt);
        },
      };
    },
    forget: (id: string): void => {
      responders.delete(id);
    },
  };
}

function healthOf({ tokenLabel, line, signing, breaker }: DeskOptions): SignerHealth {
  const status = line.status();
  return {
    ...status,
    // half open is ready: without callers there would be no probe, and a balancer would send none
    ready: status.state === 'open' && breaker.state() !== 'open',
    token: tokenLabel,
    breaker: breaker.state(),
    queued: signing.queued(),
    inFlight: signing.inFlight(),
  };
}
