// What arrives to be signed: told by its first tags, bounded by its kind, and hashed here, so that a token only ever sees a
// digest of bytes that the signer has looked at. Lists are hashed while they arrive and never held.
import { createHash, createVerify, verify } from 'node:crypto';
import { type Finding, Refusal } from '../src/errors.ts';
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../src/x509/algorithms.ts';
import { DerError } from '../src/x509/der.ts';
import { openCertListStream } from './cert-list-stream.ts';
import { type Duty, isKindAllowed, type Kind, malformed, notAllowed, type Received } from './purpose.ts';
import type { SigningKey } from './signing-key.ts';

/** The most octets of each kind. */
export const LIMITS: Readonly<Record<Kind, number>> = {
  certificate: 64 * 1024,
  ocsp: 64 * 1024,
  crl: 64 * 1024 * 1024,
};

/** A structure that has come whole, and what its signature is made and checked with. */
export type Arrived = {
  readonly received: Received;
  /** the digest that `key` signs; for a list the key is the one that the intake was opened with */
  digest(key: SigningKey): Uint8Array;
  /** Whether `signature` is this key's over what came; computed in software, apart from any token. */
  verify(key: SigningKey, signature: Uint8Array): boolean;
};

export type Intake = {
  /** Takes the next bytes; throws Refusal `signer_refused` as soon as they cannot be what may be signed here. */
  write(chunk: Uint8Array): void;
  /** Throws Refusal `signer_refused` when bytes are missing. */
  end(): Arrived;
};

export const refuseToSign = (findings: readonly Finding[]): Refusal =>
  new Refusal('signer_refused', `the signer refuses: ${findings.map(({ detail }) => detail).join('; ')}`, findings);

/** Opens the intake of `length` bytes. A list needs its key beforehand, because the key names the hash. */
export function openIntake(options: { length: number; duties: readonly Duty[]; key: SigningKey | undefined }): Intake {
  const { length, duties, key } = options;
  if (length > LIMITS.crl) throw tooLong('crl');
  let head: Uint8Array = new Uint8Array();
  let intake: Intake | undefined;
  const write = (chunk: Uint8Array): void => {
    if (intake !== undefined) {
      intake.write(chunk);
      return;
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < Math.min(length, HEAD_OCTETS)) return;
    const kind = kindOf(head);
    if (!isKindAllowed(duties, kind) || (kind === 'crl' && key === undefined)) throw refuseToSign([notAllowed(kind)]);
    if (length > LIMITS[kind]) throw tooLong(kind);
    intake = kind === 'crl' && key !== undefined ? openListIntake(length, key) : openWholeIntake(length, kind);
    intake.write(head);
  };
  return {
    write: (chunk) => asRefusal(() => write(chunk)),
    end: () => asRefusal(() => (intake ?? openWholeIntake(length, 'certificate')).end()),
  };
}

/** Identifier and length of the whole, and the first identifier inside. */
const HEAD_OCTETS = 7;

/** TBSCertificate begins with [0] version, ResponseData with [1] or [2] responder, TBSCertList with the INTEGER of its version. */
function kindOf(head: Uint8Array): Kind {
  const initial = head[1] ?? 0;
  const inner = head[initial > 0x80 && initial < 0x85 ? 2 + (initial & 0x7f) : 2];
  if (head[0] === 0x30 && inner === 0xa0) return 'certificate';
  if (head[0] === 0x30 && (inner === 0xa1 || inner === 0xa2)) return 'ocsp';
  if (head[0] === 0x30 && inner === 0x02) return 'crl';
  throw new DerError('this is neither a TBSCertificate nor a TBSCertList nor a ResponseData', 0);
}

const tooLong = (kind: Kind): Refusal =>
  refuseToSign([{ rule: 'limit of the signer', detail: `more than ${LIMITS[kind]} bytes` }]);

function asRefusal<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof DerError ? refuseToSign([malformed(error)]) : error;
  }
}

const hashOf = (algorithm: SignatureAlgorithm): string => SIGNATURE_ALGORITHMS[algorithm].hash;

function openWholeIntake(length: number, kind: Kind): Intake {
  const tbs = new Uint8Array(length);
  let at = 0;
  return {
    write(chunk) {
      tbs.set(chunk, at);
      at += chunk.length;
    },
    end() {
      if (at !== length || kind === 'crl') throw new DerError('bytes are missing', at);
      return {
        received: { kind, tbs },
        digest: ({ algorithm }) => createHash(hashOf(algorithm)).update(tbs).digest(),
        verify: ({ algorithm, publicKey }, signature) => verify(hashOf(algorithm), tbs, publicKey, signature),
      };
    },
  };
}

function openListIntake(length: number, key: SigningKey): Intake {
  const hash = hashOf(key.algorithm);
  const stream = openCertListStream(length);
  const digest = createHash(hash);
  const verifier = createVerify(hash);
  return {
    write(chunk) {
      stream.write(chunk);
      digest.update(chunk);
      verifier.update(chunk);
    },
    end() {
      const outline = stream.end();
      return {
        received: { kind: 'crl', outline },
        digest: () => digest.digest(),
        verify: (_, signature) => verifier.verify(key.publicKey, signature),
      };
    },
  };
}
