// Tells each webhook what waits for it. A delivery is taken in one statement, posted with no transaction open, and settled in another:
// a sender that dies in between leaves it to the next one, under the same id of the event. So it may come twice, and never not at all.

import {
  type ClaimedDelivery,
  claimDelivery,
  giveUpDeliveries,
  postponeDelivery,
  settleDelivery,
} from '#db/webhook-deliveries.ts';
import { disableWebhook, pauseWebhook, resumeWebhook, webhooksWithWork } from '#db/webhooks.ts';
import { errorFacts } from '../log.ts';
import type { Needs } from '../system.ts';
import { POST_DEADLINE_MS, type Posted, type PostOutcome, postSigned } from '../webhook-post.ts';
import { GIVE_UP_MS, pauseMs } from './back-off.ts';
import { documentOf, eventIdOf } from './document.ts';
import { signingSecrets } from './secret.ts';

type SendNeeds = Needs<'db' | 'clock' | 'log' | 'meter'>;

/** More than clocks of two machines that are both believed can differ. */
const SKEW_MS = 120_000;
const IN_HAND_MS = 2 * POST_DEADLINE_MS + SKEW_MS;
/** Webhooks that are told something at once, and connections to each of them. */
const WEBHOOKS = 8;
const LANES = 4;
/** A turn ends soon, so that others get one: it begins no more tries than these, and none after so long. */
const TURN = 100;
const TURN_MS = 5_000;
/** So many different events refused in a row, and it is the receiver that is broken, not they. */
const REFUSED = 10;

export type WebhookSender = {
  /**
   * Begins a turn for each webhook that has work and is not having one; waits for none of them. Once `isStopping` answers true they
   * begin no other try. Outage when the database is away.
   */
  step(isStopping?: () => boolean): Promise<void>;
  /** waits for the turns under way */
  idle(): Promise<void>;
};

/**
 * A sender of its own for each process; a webhook that hangs holds one of the turns, until its deadline, and nobody else. `monotonic`
 * gives milliseconds that never jump.
 */
export function createWebhookSender(
  system: SendNeeds,
  master: string,
  monotonic: () => number = () => performance.now(),
): WebhookSender {
  const turns = new Map<string, Promise<void>>();
  const servedAt = new Map<string, number>();
  let served = 0;
  const begin = (id: string, isStopping: () => boolean): void => {
    served += 1;
    servedAt.set(id, served);
    const end = monotonic() + TURN_MS;
    const isOver = (): boolean => isStopping() || monotonic() >= end;
    const turn = takeTurn(system, { webhookId: id, master, isOver, left: TURN, refused: 0, over: false })
      .catch((error) => system.log.warn({ webhook: id, ...errorFacts(error) }, 'a webhook’s turn failed'))
      .finally(() => turns.delete(id));
    turns.set(id, turn);
  };
  return {
    async step(isStopping = () => false) {
      const waiting = await webhooksWithWork(system.db.read, system.clock());
      const longest = (id: string): number => servedAt.get(id) ?? 0;
      for (const id of waiting.filter((id) => !turns.has(id)).sort((a, b) => longest(a) - longest(b)))
        if (turns.size < WEBHOOKS) begin(id, isStopping);
    },
    async idle() {
      await Promise.all(turns.values());
    },
  };
}

/** What the lanes of a turn share. */
type Turn = {
  readonly webhookId: string;
  readonly master: string;
  /** no other try is begun: its time is over, or the worker is to stop */
  isOver(): boolean;
  left: number;
  /** how many were refused since one was taken */
  refused: number;
  over: boolean;
};

async function takeTurn(system: SendNeeds, turn: Turn): Promise<void> {
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, () => runLane(system, turn)));
  const failed = lanes.find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function runLane(system: SendNeeds, turn: Turn): Promise<void> {
  while (turn.left > 0 && !turn.over && !turn.isOver()) {
    turn.left -= 1;
    const at = system.clock();
    const until = new Date(at.getTime() + IN_HAND_MS);
    // If we stop after this, nobody tells it before `until`, and somebody does after it.
    const claimed = await claimDelivery(system.db.read, { webhookId: turn.webhookId, at, until });
    if (claimed === undefined) return;
    const posted = await postSigned({
      ...{ url: claimed.webhook.url, eventId: eventIdOf(claimed), document: documentOf(claimed), now: at },
      secrets: signingSecrets(turn.master, claimed.webhook, at),
    });
    const outcome = judge(turn, posted.outcome);
    // If we stop here, it is told again.
    if (outcome === 'told') await noteTold(system, claimed, posted);
    else await noteFailure(system, claimed, { ...posted, outcome });
    if (outcome === 'away' || outcome === 'gone') turn.over = true;
  }
}

/** A receiver that refuses one event after the other is as good as away; one that takes some of them is not. */
function judge(turn: Turn, outcome: PostOutcome): PostOutcome {
  turn.refused = outcome === 'refused' ? turn.refused + 1 : 0;
  return turn.refused >= REFUSED ? 'away' : outcome;
}

async function noteTold({ db, clock, meter }: SendNeeds, claimed: ClaimedDelivery, posted: Posted): Promise<void> {
  await settleDelivery(db.read, claimed, { at: clock(), lastStatus: posted.status ?? 200 });
  if (claimed.webhook.failures > 0) await resumeWebhook(db.read, claimed.webhook.id);
  meter.webhookDelivery('delivered');
}

/**
 * It waits, and where nobody is there all that is for this webhook waits; what was tried for as long as it may be is given up: this one,
 * or where nobody is there all that is as old, even what was never tried once nobody has been there for so long.
 */
async function noteFailure(
  { db, clock, log, meter }: SendNeeds,
  claimed: ClaimedDelivery,
  { outcome, ...answer }: Posted,
): Promise<void> {
  const { id: webhookId, failures } = claimed.webhook;
  const at = clock();
  meter.webhookDelivery('failed');
  // neither the address nor the answer, which may hold secrets
  log.warn({ webhook: webhookId, delivery: claimed.id, ...answer }, 'a webhook did not take an event');
  const nextAt = new Date(at.getTime() + pauseMs(claimed.attempt, Math.random()));
  await postponeDelivery(db.read, claimed, { nextAt, lastStatus: answer.status });
  if (outcome === 'gone') await disableWebhook(db.read, webhookId, { at, why: 'gone' });
  if (outcome === 'away')
    await pauseWebhook(db.read, webhookId, {
      at,
      pausedUntil: new Date(at.getTime() + pauseMs(failures + 1, Math.random())),
    });
  if (claimed.giveUpAt > at || outcome === 'gone') return;
  const givenUp = await giveUpDeliveries(db.read, webhookId, {
    ...{ at, nobodySince: new Date(at.getTime() - GIVE_UP_MS) },
    ...(outcome === 'away' ? {} : { id: claimed.id }),
  });
  if (givenUp > 0) meter.webhookDelivery('given_up', givenUp);
}
