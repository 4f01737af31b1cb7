// The wire between a caller and the signer: each way a frame of four octets of length, big-endian, and a JSON header; a request
// to sign is followed by `bodyLength` octets of the structure itself. One request at a time on a connection.
import { type Finding, Outage, Refusal, type RefusalCode } from '../src/errors.ts';
import type { KeyAlgorithm } from '../src/x509/keys.ts';
import { isGenerated } from './key-generation.ts';
import type { TokenStatus } from './token-messages.ts';

/** The most octets of a request's header, and of an answer. */
export const REQUEST_HEADER_LIMIT = 1024;
export const ANSWER_LIMIT = 256 * 1024;

/** Octets of keys and signatures are hexadecimal. `deadlineMs` is what is left of the caller's patience. */
export type SignerRequest = { readonly deadlineMs: number } & (
  | { readonly op: 'sign'; readonly keyId: string; readonly bodyLength: number }
  | { readonly op: 'generateKey'; readonly algorithm: KeyAlgorithm }
  | { readonly op: 'listKeys' }
  | { readonly op: 'destroyKey'; readonly keyId: string }
  | { readonly op: 'health' }
);

export type SignerHealth = Omit<TokenStatus, 'state'> & {
  /** whether signatures are to be expected: the token is open and the breaker is not */
  readonly ready: boolean;
  /** the token's label */
  readonly token: string;
  readonly state: TokenStatus['state'];
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** calls that wait, and calls that the token has */
  readonly queued: number;
  readonly inFlight: number;
  /** calls that the token still has after their deadline; absent from a signer of before this was asked */
  readonly hung?: number;
};

/** `last` announces that the signer ends the connection after this answer. */
export type SignerAnswer = { readonly last?: true } & (
  | { readonly kind: 'signature'; readonly signature: string }
  | { readonly kind: 'key'; readonly keyId: string; readonly spki: string }
  | { readonly kind: 'keys'; readonly keyIds: readonly string[] }
  | { readonly kind: 'destroyed'; readonly existed: boolean }
  | { readonly kind: 'health'; readonly health: SignerHealth }
  | {
      readonly kind: 'refusal';
      readonly code: RefusalCode;
      readonly detail: string;
      readonly findings: readonly Finding[];
    }
  | { readonly kind: 'outage'; readonly detail: string; readonly signature: 'none' | 'unknown' }
);

export const toHex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

/** Length and header of a frame. */
export function encodeFrame(header: SignerRequest | SignerAnswer): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json]);
}

/** A frame's header, and what came after it in the same chunk. */
export type FrameHead = { readonly header: unknown; readonly rest: Uint8Array };

/** Collects a header of at most `limit` octets; gives it once it is whole. Throws Refusal `signer_refused` for anything else. */
export function openFrameReader(limit: number): (chunk: Uint8Array) => FrameHead | undefined {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending =
      pending.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat([pending, chunk]);
    if (pending.length < 4) return undefined;
    const end = 4 + pending.readUInt32BE();
    if (end > 4 + limit) throw badFrame(`a header of more than ${limit} octets`);
    if (pending.length < end) return undefined;
    const head = { header: parseJson(pending.subarray(4, end)), rest: pending.subarray(end) };
    pending = Buffer.alloc(0);
    return head;
  };
}

function parseJson(octets: Buffer): unknown {
  try {
    return JSON.parse(octets.toString('utf8'));
  } catch {
    throw badFrame('the header is not JSON');
  }
}

const badFrame = (detail: string): Refusal =>
  new Refusal('signer_refused', `not a request to the signer: ${detail}`, [{ rule: 'wire of the signer', detail }]);

type Fields = Partial<Record<'op' | 'deadlineMs' | 'keyId' | 'bodyLength' | 'algorithm', unknown>>;

/** Checks a request's header. Throws Refusal `signer_refused`. */
export function parseRequest(header: unknown): SignerRequest {
  if (typeof header !== 'object' || header === null) throw badFrame('the header is no object');
  const fields: Fields = header;
  const deadlineMs = wholeNumber(fields.deadlineMs, 'deadlineMs');
  switch (fields.op) {
    case 'sign':
      return {
        op: 'sign',
        deadlineMs,
        keyId: keyIdOf(fields),
        bodyLength: wholeNumber(fields.bodyLength, 'bodyLength'),
      };
    case 'generateKey':
      return { op: 'generateKey', deadlineMs, algorithm: algorithmOf(fields.algorithm) };
    case 'destroyKey':
      return { op: 'destroyKey', deadlineMs, keyId: keyIdOf(fields) };
    case 'listKeys':
      return { op: 'listKeys', deadlineMs };
    case 'health':
      return { op: 'health', deadlineMs };
    default:
      throw badFrame('an unknown operation');
  }
}

function wholeNumber(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw badFrame(`${name} is a whole number`);
  return value;
}

function keyIdOf({ keyId }: Fields): string {
  if (typeof keyId !== 'string' || !/^[0-9a-f]{40}$/.test(keyId)) throw badFrame('keyId is 20 octets in hexadecimal');
  return keyId;
}

function algorithmOf(value: unknown): KeyAlgorithm {
  const { type, bits, curve }: { type?: unknown; bits?: unknown; curve?: unknown } =
    typeof value === 'object' ? { ...value } : {};
  if (type === 'rsa' && typeof bits === 'number' && isGenerated({ type, bits })) return { type, bits };
  if (type === 'ec' && (curve === 'P-256' || curve === 'P-384')) return { type, curve };
  throw badFrame('no algorithm that keys are made for');
}

/** An error as it goes over the wire; what is neither Refusal nor Outage stays here, and its signature is anybody's guess. */
export function toAnswer(error: unknown): SignerAnswer {
  if (error instanceof Refusal) {
    return { kind: 'refusal', code: error.code, detail: error.message, findings: error.findings };
  }
  if (error instanceof Outage) return { kind: 'outage', detail: error.message, signature: error.signature };
  return { kind: 'outage', detail: 'the signer failed', signature: 'unknown' };
}
