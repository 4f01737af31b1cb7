// The directory as anybody reads it: over the network, without a name, and with a bound on what it may bring.

import type { Config } from '../config.ts';
import { Outage } from '../errors.ts';
import { EntryFault, type FoundEntry, openConnection } from './ldap.ts';
import { readerSettings } from './settings.ts';

export type Look = {
  /** RFC 4514 text */
  readonly dn: string;
  /** one that has one value: `cACertificate;binary` */
  readonly attribute: string;
  /** an answer with more bytes is none */
  readonly maxBytes: number;
};

/** The value, or why there is none in words that name neither entry nor address. */
export type Looked = { readonly body: Uint8Array } | { readonly fault: string };

const TIMEOUT_MS = 30_000;

/**
 * Reads at OBSERVER_LDAP_URL, over a connection for each look; undefined where that is not set. A look never throws for what the network
 * says. Throws Refusal `configuration_invalid` when the settings are not usable.
 */
export function openLook(config: Config, timeoutMs = TIMEOUT_MS): ((look: Look) => Promise<Looked>) | undefined {
  const settings = readerSettings(config);
  if (settings === undefined) return undefined;
  return async ({ dn, attribute, maxBytes }) => {
    const connection = openConnection({ ...settings, maxBytes }, timeoutMs);
    try {
      return oneValue(await connection.read(dn, [attribute]), { attribute, maxBytes });
    } catch (error) {
      if (error instanceof EntryFault) return { fault: `result code ${error.code}` };
      if (error instanceof Outage) return { fault: error.message };
      throw error;
    } finally {
      await connection.close();
    }
  };
}

function oneValue(
  entry: FoundEntry | undefined,
  { attribute, maxBytes }: Pick<Look, 'attribute' | 'maxBytes'>,
): Looked {
  if (entry === undefined) return { fault: 'the directory has no such entry' };
  const [body, ...others] = entry.attributes.get(attribute.toLowerCase()) ?? [];
  if (body === undefined) return { fault: 'the entry has no such value' };
  if (body.length > maxBytes) return { fault: `more than ${maxBytes} bytes` };
  return others.length === 0 ? { body } : { fault: `the entry has ${others.length + 1} values` };
}
