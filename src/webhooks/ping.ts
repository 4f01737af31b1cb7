// A test event, at once and from here, for whoever sets a webhook up.

import { uuidv7 } from 'uuidv7';
import type { Webhook } from '#db/webhooks.ts';
import type { Needs } from '../system.ts';
import { type Posted, postSigned } from '../webhook-post.ts';
import { pingDocument } from './document.ts';
import { signingSecrets } from './secret.ts';

/** Posts a test event, and answers its id and what became of it. Nothing is written down, and nothing is tried again. */
export async function pingWebhook(
  { clock }: Needs<'clock'>,
  master: string,
  webhook: Webhook,
): Promise<Posted & { readonly eventId: string }> {
  const now = clock();
  const eventId = `ping/${uuidv7()}`;
  const secrets = signingSecrets(master, webhook, now);
  return {
    eventId,
    ...(await postSigned({ url: webhook.url, eventId, document: pingDocument(eventId, now), secrets, now })),
  };
}
