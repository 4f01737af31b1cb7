// The secrets of the webhooks. None is kept: each is derived, whenever it is needed, from the one secret in WEBHOOK_SECRET_FILE, so
// that neither the database nor a copy of it can sign.

import { hkdfSync } from 'node:crypto';
import type { Config } from '../config.ts';
import { readWebhookSecret } from '../webhook-secret.ts';

const LEAST_SECRET = 32;

/** The secret that all others come from. Throws Refusal `configuration_invalid` when its file is not set, not readable or too short. */
export const readMasterSecret = (config: Config): string =>
  readWebhookSecret(config, 'WEBHOOK_SECRET_FILE', LEAST_SECRET);

/**
 * The secret of one webhook: HKDF-SHA256 (RFC 5869) of the master secret, 32 octets in base64. What signs is that text itself, as it
 * was printed for the receiver.
 */
export const webhookSecret = (master: string, id: string, generation: number): string =>
  Buffer.from(hkdfSync('sha256', master, '', `igc webhook ${id} ${generation}`, 32)).toString('base64');

type Rotating = { readonly id: string; readonly generation: number; readonly previousUntil?: Date | null };

/** What a webhook is signed with now, the newest secret first: the one before as well while a rotation overlaps. */
export function signingSecrets(master: string, { id, generation, previousUntil }: Rotating, now: Date): string[] {
  const overlaps = previousUntil !== undefined && previousUntil !== null && now < previousUntil;
  const generations = overlaps ? [generation, generation - 1] : [generation];
  return generations.map((each) => webhookSecret(master, id, each));
}
