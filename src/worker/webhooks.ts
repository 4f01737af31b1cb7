// The loops of the webhooks: what was issued and revoked, what ends, what waits, and whether a person is needed. Without
// WEBHOOK_SECRET_FILE there are none, and what happens meanwhile is found once it is set.

import { type Loop, startLoop } from '../loop.ts';
import type { System } from '../system.ts';
import { recordEndsForWebhooks } from '../webhooks/ends.ts';
import { followFeedForWebhooks } from '../webhooks/follow.ts';
import { readMasterSecret } from '../webhooks/secret.ts';
import { createWebhookSender } from '../webhooks/send.ts';
import { watchWebhooks } from '../webhooks/watch.ts';

const FOLLOW_MS = 1_000;
const ENDS_MS = 60_000;
const SEND_MS = 500;
const WATCH_MS = 10_000;

/**
 * Reads the secret, and answers what starts the loops; `holder` differs between processes. Throws Refusal `configuration_invalid` when
 * the secret is not usable.
 */
export function prepareWebhooks(system: System): (holder: string) => readonly Loop[] {
  const { log, config } = system;
  if (config.WEBHOOK_SECRET_FILE === undefined) {
    log.info('no webhook is told anything: WEBHOOK_SECRET_FILE is not set');
    return () => [];
  }
  const master = readMasterSecret(config);
  return (holder) => startLoops(system, { master, holder });
}

function startLoops(system: System, { master, holder }: { master: string; holder: string }): readonly Loop[] {
  const { log } = system;
  const sender = createWebhookSender(system, master);
  const sending = startLoop('webhooks', SEND_MS, (isStopping) => sender.step(isStopping), log);
  return [
    startLoop('webhook events', FOLLOW_MS, () => followFeedForWebhooks(system, holder), log),
    startLoop('webhook ends', ENDS_MS, () => recordEndsForWebhooks(system), log),
    startLoop('webhook alarms', WATCH_MS, () => watchWebhooks(system), log),
    {
      async stop() {
        await sending.stop();
        await sender.idle();
      },
    },
  ];
}
