// Where the directory is and as whom we write to it, checked once: what would send a password in clear is refused.

import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';

export type LdapSettings = {
  readonly at:
    | { readonly kind: 'socket'; readonly path: string }
    | { readonly kind: 'network'; readonly url: string; readonly host: string };
  /** `none` only on this machine */
  readonly security: 'tls' | 'starttls' | 'none';
  /** empty, with an empty password: as anybody */
  readonly bindDn: string;
  /** read again for each connection, so that a new password needs no restart; throws Refusal where the file is empty or away */
  readonly password: () => string;
  /** PEM of the authorities that the server's certificate may come from; the system's when absent */
  readonly ca?: string;
  /** what a connection may bring in all its life; more ends it. No limit when absent */
  readonly maxBytes?: number;
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/**
 * The settings, or undefined where LDAP_URL is not set: then the directory is off. Throws Refusal `configuration_invalid` for what is
 * missing, and for a connection in clear to another machine.
 */
export function ldapSettings(config: Config): LdapSettings | undefined {
  const { LDAP_URL, LDAP_STARTTLS, LDAP_BIND_DN: bindDn, LDAP_PASSWORD_FILE: file, LDAP_CA_FILE } = config;
  if (LDAP_URL === undefined) return undefined;
  if (bindDn === undefined || file === undefined)
    throw refusal('LDAP_URL needs LDAP_BIND_DN and LDAP_PASSWORD_FILE: nobody writes without a name');
  const url = parseUrl(LDAP_URL, 'LDAP_URL');
  const security = url.protocol === 'ldaps:' ? 'tls' : LDAP_STARTTLS ? 'starttls' : 'none';
  if (security === 'none' && url.protocol === 'ldap:' && !LOOPBACK.test(url.hostname))
    throw refusal('LDAP_URL would send the password in clear to another machine: say ldaps:// or LDAP_STARTTLS=true');
  const at =
    url.protocol === 'ldapi:'
      ? ({ kind: 'socket', path: decodeURIComponent(url.host + url.pathname).replace(/\/$/, '') } as const)
      : networkAt(url);
  return { at, security, bindDn, password: () => readSecret(file, 'LDAP_PASSWORD_FILE'), ...caOf(LDAP_CA_FILE) };
}

/**
 * The settings of somebody who reads as anybody may, at OBSERVER_LDAP_URL; undefined where that is not set. Throws Refusal
 * `configuration_invalid` for a file of authorities that cannot be read.
 */
export function readerSettings({
  OBSERVER_LDAP_URL,
  LDAP_CA_FILE,
}: Pick<Config, 'OBSERVER_LDAP_URL' | 'LDAP_CA_FILE'>): LdapSettings | undefined {
  if (OBSERVER_LDAP_URL === undefined) return undefined;
  const url = parseUrl(OBSERVER_LDAP_URL, 'OBSERVER_LDAP_URL');
  const tls = url.protocol === 'ldaps:';
  const security = tls ? 'tls' : 'none';
  return { at: networkAt(url), security, bindDn: '', password: () => '', ...(tls ? caOf(LDAP_CA_FILE) : {}) };
}

const networkAt = ({ href, hostname }: URL) =>
  ({ kind: 'network', url: href, host: hostname.replace(/^\[|\]$/g, '') }) as const;

const caOf = (file: string | undefined): { ca?: string } =>
  file === undefined ? {} : { ca: readSecret(file, 'LDAP_CA_FILE') };

function parseUrl(text: string, name: string): URL {
  try {
    return new URL(text);
  } catch {
    throw refusal(`${name} is no URL`);
  }
}

/** An empty password would bind as nobody, and the server would say yes (RFC 4513 §5.1.2 Unauthenticated Authentication). */
function readSecret(path: string, name: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch {
    throw refusal(`the file that ${name} names cannot be read`);
  }
  if (text === '') throw refusal(`the file that ${name} names is empty`);
  return text;
}

const refusal = (detail: string): Refusal => new Refusal('configuration_invalid', detail);
