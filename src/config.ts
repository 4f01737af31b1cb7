// Where things are. The environment is read here once, checked, and frozen; what may be certified stands in policies/, and
// there is nothing in between. Secrets come as paths of files, never as values.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { Refusal } from './errors.ts';

const CHECKOUT = join(dirname(fileURLToPath(import.meta.url)), '..');

const Listen = Type.String({ pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):\\d{1,5}$' });
/** A host alone stands for the port of the role (src/metrics/catalogue.ts). */
const MetricsListen = Type.String({ pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+)(:\\d{1,5})?$' });
const HttpUrl = Type.String({ pattern: '^https?://[A-Za-z0-9.:\\[\\]-]+(/[^\\s?#]*)?$', maxLength: 256 });
/** What it carries names structures and certificates, so it is encrypted unless it stays on this machine. */
const WEBHOOK_URL = {
  pattern: '^(https://[^\\s@/?#\\\\]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d{1,5})?)([/?][^\\s@]*)?$',
  maxLength: 1024,
};
const WebhookUrl = Type.String(WEBHOOK_URL);
/** Whether something may be told there: https, or http to this machine, without a name and a password. */
export const isWebhookUrl = (text: string): boolean =>
  text.length <= WEBHOOK_URL.maxLength && new RegExp(WEBHOOK_URL.pattern).test(text) && URL.canParse(text);
const Path = Type.String({ minLength: 1 });
/** 0: no limit. The defaults stand in src/http/limits.ts. */
const RatePerSecond = Type.Integer({ minimum: 0, maximum: 1_000_000 });

/** The name of a person, as the audit shows it: no control characters, no line ends, not spaces alone. */
const Person = Type.String({ pattern: '^(?=.*\\S)[^\\p{C}\\p{Zl}\\p{Zp}]{1,64}$' });

const Environment = Type.Object({
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  /** a file with DATABASE_URL in it, for one that holds a password */
  DATABASE_URL_FILE: Type.Optional(Path),
  POLICIES_DIRECTORY: Type.String({ default: join(CHECKOUT, 'policies') }),
  HIERARCHY: Type.String({ default: 'test', pattern: '^[a-z0-9-]+$' }),
  HIERARCHY_DIRECTORY: Type.Optional(Path),
  SIGNER_SOCKETS: Type.Optional(Path),
  SIGNER_STATE: Type.Optional(Path),
  PKCS11_MODULE: Type.Optional(Path),
  ROOT_PIN_FILE: Type.Optional(Path),
  ISSUING_PIN_FILE: Type.Optional(Path),
  OCSP_PIN_FILE: Type.Optional(Path),
  API_LISTEN: Type.Optional(Listen),
  API_TLS_KEY_FILE: Type.Optional(Path),
  API_TLS_CERTIFICATE_FILE: Type.Optional(Path),
  PUBLIC_LISTEN: Type.Optional(Listen),
  API_ACTS_PER_SECOND: Type.Optional(RatePerSecond),
  API_READS_PER_SECOND: Type.Optional(RatePerSecond),
  API_STRANGERS_PER_SECOND: Type.Optional(RatePerSecond),
  PUBLIC_REQUESTS_PER_SECOND: Type.Optional(RatePerSecond),
  /** who works at the command line, where the account of the operating system does not tell */
  IGC_OPERATOR: Type.Optional(Person),
  METRICS_LISTEN: Type.Optional(MetricsListen),
  /** where the worker fetches our own lists and certificates as the public does; without it nobody looks */
  OBSERVER_URL: Type.Optional(HttpUrl),
  /** the same for OCSP */
  OBSERVER_OCSP_URL: Type.Optional(HttpUrl),
  /** the same for the directory, read without a name; ldaps:// is held against LDAP_CA_FILE where that is set */
  OBSERVER_LDAP_URL: Type.Optional(
    Type.String({ pattern: '^ldaps?://(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+)(:\\d{1,5})?/?$' }),
  ),
  /** where alarms are told, signed with the secret in the file */
  ALARM_WEBHOOK_URL: Type.Optional(WebhookUrl),
  ALARM_WEBHOOK_SECRET_FILE: Type.Optional(Path),
  /** the secret of which those of the webhooks are derived (`igc webhook`); without it no webhook is told anything */
  WEBHOOK_SECRET_FILE: Type.Optional(Path),
  /** the directory that the worker fills; without it the directory is off */
  LDAP_URL: Type.Optional(Type.String({ pattern: '^ldap(s|i)?://' })),
  LDAP_STARTTLS: Type.Boolean({ default: false }),
  LDAP_BIND_DN: Type.Optional(Type.String({ minLength: 3, maxLength: 512 })),
  LDAP_PASSWORD_FILE: Type.Optional(Path),
  LDAP_CA_FILE: Type.Optional(Path),
  /** smtp: with STARTTLS, smtps: with TLS from the first byte; without it no mail is sent. Name and password stand in the next two. */
  SMTP_URL: Type.Optional(Type.String({ pattern: '^smtps?://(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+)(:\\d{1,5})?/?$' })),
  SMTP_USER: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  SMTP_PASSWORD_FILE: Type.Optional(Path),
  /** authorities, PEM, that the mail server's certificate is held against instead of the system's */
  SMTP_CA_FILE: Type.Optional(Path),
  /** a folder in which the mail system leaves delivery reports, one file each */
  BOUNCE_DIRECTORY: Type.Optional(Path),
  /** the secret of a mail system that hands its delivery reports in at the API instead; without it none is taken there */
  BOUNCE_SECRET_FILE: Type.Optional(Path),
  SIGNING_DEADLINE_MS: Type.Integer({ default: 5000, minimum: 100, maximum: 60_000 }),
  LOG_LEVEL: Type.Enum(['silent', 'error', 'warn', 'info', 'debug'], { default: 'info' }),
});

export type Config = Readonly<Static<typeof Environment>>;
export type ConfigName = keyof Config;

/** Every variable that is read. */
export const CONFIG_NAMES = Object.keys(Environment.properties) as readonly ConfigName[];

/**
 * Reads and checks the environment; DATABASE_URL may come from the file that DATABASE_URL_FILE names. Throws Refusal
 * `configuration_invalid` that names each wrong variable, never its value.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const known = Object.fromEntries(
    CONFIG_NAMES.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const data = { ...known, ...databaseUrlOf(known) };
  try {
    return Object.freeze(envSchema<Static<typeof Environment>>({ schema: Environment, data, env: false }));
  } catch (error) {
    const detail = error instanceof Error ? error.message.replaceAll('env/', '') : 'unreadable environment';
    throw new Refusal('configuration_invalid', `the environment is not usable: ${detail}`);
  }
}

/** The first line of the file, which is all that it holds; nothing where no file is named. */
function databaseUrlOf({ DATABASE_URL, DATABASE_URL_FILE }: Record<string, string>): { DATABASE_URL?: string } {
  if (DATABASE_URL_FILE === undefined) return {};
  if (DATABASE_URL !== undefined)
    throw new Refusal('configuration_invalid', 'DATABASE_URL and DATABASE_URL_FILE are both set, and one is to be');
  try {
    return { DATABASE_URL: readFileSync(DATABASE_URL_FILE, 'utf8').replace(/\r?\n$/, '') };
  } catch {
    throw new Refusal('configuration_invalid', 'the file that DATABASE_URL_FILE names cannot be read');
  }
}

/** The value of a variable that this role cannot do without; throws Refusal `configuration_invalid` with its name. */
export const required = <Name extends ConfigName>(config: Config, name: Name): NonNullable<Config[Name]> =>
  requiredAll(config, [name])[name];

/** The values of several; throws Refusal `configuration_invalid` that names each one that is missing. */
export function requiredAll<Name extends ConfigName>(
  config: Config,
  names: readonly Name[],
): { readonly [N in Name]: NonNullable<Config[N]> } {
  const missing = names.filter((name) => config[name] === undefined);
  if (missing.length > 0) {
    const detail = `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set`;
    throw new Refusal(
      'configuration_invalid',
      detail,
      missing.map((name) => ({
        rule: 'configuration',
        at: name,
        detail: 'this role needs it',
        remedy: `set ${name} in the environment`,
      })),
    );
  }
  return config as { readonly [N in Name]: NonNullable<Config[N]> };
}
