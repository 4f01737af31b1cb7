// The webhook: each event of an alarm as a signed POST. The receiver checks `igc-signature: t=…,v1=…`, where v1 is the HMAC-SHA256 in
// hexadecimal of the text `t.body` under the shared secret and t the seconds since 1970, refuses what is old, and drops an
// `igc-event-id` that it has seen: an event may come twice.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { UndeliveredAlarm } from '#db/alarms.ts';
import { type Config, required } from '../config.ts';
import { Refusal } from '../errors.ts';
import { fetchBounded } from '../fetch.ts';
import type { Needs } from '../system.ts';
import type { Channel, Told } from './deliver.ts';

const DEADLINE_MS = 10_000;
/** Nothing of the answer is read but its status. */
const MAX_BYTES = 64 * 1024;
const LEAST_SECRET = 16;

/**
 * The channel that ALARM_WEBHOOK_URL names, or undefined without it. Throws Refusal `configuration_invalid` when the file that
 * ALARM_WEBHOOK_SECRET_FILE names is not set, cannot be read, or holds less than 16 characters.
 */
export function openWebhook({ config, clock, log }: Needs<'config' | 'clock' | 'log'>): Channel | undefined {
  const url = config.ALARM_WEBHOOK_URL;
  if (url === undefined) return undefined;
  const secret = readSecret(config);
  return {
    name: 'webhook',
    async send(alarm) {
      const body = Buffer.from(JSON.stringify(documentOf(alarm)));
      const headers = {
        'content-type': 'application/json',
        'igc-event-id': `alarm-${alarm.id}-${alarm.event}`,
        'igc-signature': signatureOf(body, secret, clock()),
      };
      const answer = await fetchBounded({ url, body, headers, deadlineMs: DEADLINE_MS, maxBytes: MAX_BYTES });
      const told = outcomeOf(answer);
      // neither the address nor the answer, which may hold secrets
      if (told !== 'told')
        log.warn(
          { event: headers['igc-event-id'], ...('fault' in answer ? answer : { status: answer.status }) },
          'an alarm could not be told to the webhook',
        );
      return told;
    },
  };
}

function readSecret(config: Config): string {
  const file = required(config, 'ALARM_WEBHOOK_SECRET_FILE');
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch {
    throw new Refusal('configuration_invalid', 'the file that ALARM_WEBHOOK_SECRET_FILE names cannot be read');
  }
  if (secret.length < LEAST_SECRET)
    throw new Refusal(
      'configuration_invalid',
      `the secret in ALARM_WEBHOOK_SECRET_FILE is shorter than ${LEAST_SECRET} characters`,
    );
  return secret;
}

function signatureOf(body: Uint8Array, secret: string, now: Date): string {
  const t = Math.floor(now.getTime() / 1_000);
  const v1 = createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex');
  return `t=${t},v1=${v1}`;
}

/** 2xx alone is taken. Who asks to be left alone for a while, or answers for a server behind that is away, is away. */
function outcomeOf(answer: Awaited<ReturnType<typeof fetchBounded>>): Told {
  if ('fault' in answer) return 'away';
  if (answer.status >= 200 && answer.status < 300) return 'told';
  return [408, 429, 502, 503, 504].includes(answer.status) ? 'away' : 'refused';
}

const documentOf = (alarm: UndeliveredAlarm) => ({
  event: alarm.event,
  id: String(alarm.id),
  kind: alarm.kind,
  about: alarm.subject,
  detail: alarm.detail,
  times: alarm.times,
  raisedAt: alarm.raisedAt.toISOString(),
  lastSeenAt: alarm.lastSeenAt.toISOString(),
  clearedAt: alarm.clearedAt?.toISOString() ?? null,
  acknowledgedAt: alarm.acknowledgedAt?.toISOString() ?? null,
});
