// What the house tells of itself while it works, in numbers: the narrow door through which use cases and adapters speak of metrics.
// What becomes of it is src/metrics' affair. Nothing here takes a serial, a name or an address: labels are words of ours.

import type { RefusalCode } from './errors.ts';

export type IssuanceStep = 'decide' | 'record_intent' | 'sign' | 'record_result';

/**
 * `refused`: nothing was recorded · `unavailable`: an outside part was away before the intent was recorded · `unsigned`: recorded,
 * and the token certainly did not sign · `burnt`: it may have · `unsettled`: signed, and the result may not be recorded ·
 * `failed`: a bug
 */
export type IssuanceOutcome = 'issued' | 'refused' | 'unavailable' | 'unsigned' | 'burnt' | 'unsettled' | 'failed';

/** What an OCSP answer says: of several certificates the gravest word, or the error of RFC 6960 §4.2.1 OCSPResponseStatus. */
export type OcspWord =
  | 'good'
  | 'revoked'
  | 'unknown'
  | 'malformedRequest'
  | 'unauthorized'
  | 'tryLater'
  | 'internalError';

/** Every duration is in seconds. None of these ever throws. */
export type Meter = {
  issuanceStep(step: IssuanceStep, seconds: number): void;
  /** `profile` is one that exists, or `unknown` */
  issuance(profile: string, outcome: IssuanceOutcome, code?: RefusalCode): void;
  recovered(kind: 'certificate' | 'crl', count: number): void;
  ocspAnswer(word: OcspWord, seconds: number): void;
  /** `operation` is an operationId */
  httpRequest(operation: string, status: number, seconds: number): void;
  signature(outcome: 'signed' | 'failed', seconds: number): void;
  tlsRenewal(outcome: 'taken' | 'refused'): void;
  /** what became of one try to send the mail of a notice */
  noticeMail(outcome: 'sent' | 'postponed' | 'refused'): void;
  /** one try to tell a webhook; `given_up` besides, once for each event that is not tried any more */
  webhookDelivery(outcome: 'delivered' | 'failed' | 'given_up', count?: number): void;
};

/** Hears everything and keeps nothing: for operators' commands, tests, and roles whose metrics nobody asks for. */
export const NO_METER: Meter = {
  issuanceStep: () => undefined,
  issuance: () => undefined,
  recovered: () => undefined,
  ocspAnswer: () => undefined,
  httpRequest: () => undefined,
  signature: () => undefined,
  tlsRenewal: () => undefined,
  noticeMail: () => undefined,
  webhookDelivery: () => undefined,
};

/** Seconds since `began`, which is a reading of performance.now(). */
export const secondsSince = (began: number): number => (performance.now() - began) / 1_000;
