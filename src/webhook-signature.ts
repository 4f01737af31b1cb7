// How whoever gets a POST of ours knows that it is ours: `igc-signature: t=…,v1=…`. Pure.

import { createHmac } from 'node:crypto';

/**
 * The header: t is the seconds since 1970, each v1 the HMAC-SHA256 in hexadecimal of the text `t.body` under one of the secrets, in
 * their order. Several are there while a receiver changes from one secret to the next.
 */
export function webhookSignature(body: Uint8Array, secrets: readonly string[], now: Date): string {
  const t = Math.floor(now.getTime() / 1_000);
  const signatures = secrets.map((secret) => createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex'));
  return [`t=${t}`, ...signatures.map((v1) => `v1=${v1}`)].join();
}
