// One signed POST to a webhook, and what its answer means. The receiver drops a document whose `id` it has seen: what is told may come
// twice.

import { fetchBounded } from './fetch.ts';
import { webhookSignature } from './webhook-signature.ts';

export type Post = {
  readonly url: string;
  /** the same at each try; in a header too, which is not signed and serves logs */
  readonly eventId: string;
  /** becomes JSON */
  readonly document: object;
  /** at least one, the newest first */
  readonly secrets: readonly string[];
  readonly now: Date;
};

/**
 * `told`: taken. `refused`: this one was not taken, others may be. `away`: nobody is there, so no other is tried now. `gone`: the
 * receiver wants nothing any more.
 */
export type PostOutcome = 'told' | 'refused' | 'away' | 'gone';

export type Posted = {
  readonly outcome: PostOutcome;
  readonly status?: number;
  /** in words that name neither address nor content */
  readonly fault?: string;
};

/** From the connection to the answer; whoever holds a row for a POST holds it for longer. */
export const POST_DEADLINE_MS = 10_000;
/** Nothing of the answer is used but its status; this much is read so that the connection can serve again. */
const MAX_BYTES = 16 * 1024;

/** Posts once; never throws. */
export async function postSigned({ url, eventId, document, secrets, now }: Post): Promise<Posted> {
  const body = Buffer.from(JSON.stringify(document));
  const headers = {
    'content-type': 'application/json',
    'igc-event-id': eventId,
    'igc-signature': webhookSignature(body, secrets, now),
  };
  const question = { url, body, headers, deadlineMs: POST_DEADLINE_MS, maxBytes: MAX_BYTES, statusAlone: true };
  const answer = await fetchBounded(question);
  if ('fault' in answer) return { outcome: 'away', fault: answer.fault };
  return { outcome: outcomeOf(answer.status), status: answer.status };
}

/**
 * 2xx alone is taken; redirects are not followed (RFC 9110 §15 Status Codes). Who asks to be left alone for a while, or answers for a
 * server behind that is away, is away.
 */
function outcomeOf(status: number): PostOutcome {
  if (status >= 200 && status < 300) return 'told';
  if (status === 410) return 'gone';
  return [408, 429, 502, 503, 504].includes(status) ? 'away' : 'refused';
}
