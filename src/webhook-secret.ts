// What we share with programs outside comes from files of one line.

import { readFileSync } from 'node:fs';
import { type Config, required } from './config.ts';
import { Refusal } from './errors.ts';

/**
 * The secret in the file that a variable names. Throws Refusal `configuration_invalid` when the variable is not set, the file cannot be
 * read, or holds less than `least` characters.
 */
export function readWebhookSecret(
  config: Config,
  name: 'ALARM_WEBHOOK_SECRET_FILE' | 'WEBHOOK_SECRET_FILE' | 'BOUNCE_SECRET_FILE',
  least: number,
): string {
  const file = required(config, name);
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch {
    throw new Refusal('configuration_invalid', `the file that ${name} names cannot be read`);
  }
  if (secret.length < least)
    throw new Refusal('configuration_invalid', `the secret in ${name} is shorter than ${least} characters`);
  return secret;
}
