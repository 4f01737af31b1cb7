// What became of mails: what was to be sent, joined with what a mail server stored. Pure.

import type { Delivery } from './notice-sink-main.ts';

/** One mail for one recipient of one notice. */
export type WantedMail = {
  readonly certificateId: string;
  readonly threshold: string;
  /** of the certificate, in hexadecimal */
  readonly serial: string;
  readonly email: string;
  readonly messageId: string;
};

export type Tally = {
  /** mails that never reached the server */
  readonly lost: number;
  /** deliveries beyond one of each mail */
  readonly twice: number;
  /** most Message-IDs under which one notice came, whoever got it and however often */
  readonly messageIds: number;
  /** mails a second, over the nine tenths that came first */
  readonly rate: number;
};

const FIRST_PART = 0.9;

export function tally(wanted: readonly WantedMail[], deliveries: readonly Delivery[]): Tally {
  const times = new Map<string, number>();
  for (const { messageId, to } of deliveries)
    times.set(`${messageId} ${to}`, (times.get(`${messageId} ${to}`) ?? 0) + 1);
  const came = wanted.map(({ messageId, email }) => times.get(`${messageId} ${email}`) ?? 0);
  return {
    lost: came.filter((count) => count === 0).length,
    twice: came.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    messageIds: mostMessageIds(wanted, deliveries),
    rate: rateOf(deliveries),
  };
}

/** What a mail is about is taken from its text, so that a Message-ID does not vouch for itself. */
function mostMessageIds(wanted: readonly WantedMail[], deliveries: readonly Delivery[]): number {
  const thresholds = new Map<string, Set<string>>();
  for (const { serial, threshold } of wanted) add(thresholds, serial, threshold);
  const ids = new Map<string, Set<string>>();
  for (const { serial, messageId } of deliveries) add(ids, serial, messageId);
  const each = [...thresholds].map(([serial, { size }]) => (ids.get(serial)?.size ?? 0) / size);
  return each.reduce((most, one) => Math.max(most, one), 0);
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}

function rateOf(deliveries: readonly Delivery[]): number {
  const at = deliveries.map((delivery) => delivery.at).sort((a, b) => a - b);
  const first = at.slice(0, Math.ceil(FIRST_PART * at.length));
  const [begin = 0, end = 0] = [first[0], first.at(-1)];
  return (1_000 * (first.length - 1)) / (end - begin);
}
