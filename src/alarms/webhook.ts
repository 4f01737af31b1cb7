// The webhook of alarms: each event of an alarm as a signed POST (src/webhook-signature.ts). The receiver checks the signature, refuses
// what is old, and drops an `igc-event-id` that it has seen: an event may come twice.

import type { UndeliveredAlarm } from '#db/alarms.ts';
import type { Needs } from '../system.ts';
import { postSigned } from '../webhook-post.ts';
import { readWebhookSecret } from '../webhook-secret.ts';
import type { Channel } from './deliver.ts';

const LEAST_SECRET = 16;

/**
 * The channel that ALARM_WEBHOOK_URL names, or undefined without it. Throws Refusal `configuration_invalid` when the file that
 * ALARM_WEBHOOK_SECRET_FILE names is not set, cannot be read, or holds less than 16 characters.
 */
export function openWebhook({ config, clock, log }: Needs<'config' | 'clock' | 'log'>): Channel | undefined {
  const url = config.ALARM_WEBHOOK_URL;
  if (url === undefined) return undefined;
  const secrets = [readWebhookSecret(config, 'ALARM_WEBHOOK_SECRET_FILE', LEAST_SECRET)];
  return {
    name: 'webhook',
    async send(alarm) {
      const eventId = `alarm-${alarm.id}-${alarm.event}`;
      const { outcome, ...answer } = await postSigned({
        ...{ url, eventId, secrets },
        document: documentOf(alarm),
        now: clock(),
      });
      // neither the address nor the answer, which may hold secrets
      if (outcome !== 'told') log.warn({ event: eventId, ...answer }, 'an alarm could not be told to the webhook');
      return outcome === 'gone' ? 'refused' : outcome;
    },
  };
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
