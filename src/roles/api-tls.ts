// The API's own TLS key and certificate: read and tried before anything else is opened, so that a wrong file is named at once.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Config, required } from '../config.ts';
import { Refusal } from '../errors.ts';

type FileName = 'API_TLS_KEY_FILE' | 'API_TLS_CERTIFICATE_FILE';
export type ApiTls = { readonly key: Buffer; readonly cert: Buffer };

/** Both files, PEM: the key, and the certificate with its issuers after it. Throws Refusal `configuration_invalid`. */
export function readApiTls(config: Config): ApiTls {
  const key = readConfigured(config, 'API_TLS_KEY_FILE');
  const cert = readConfigured(config, 'API_TLS_CERTIFICATE_FILE');
  const privateKey = tried('API_TLS_KEY_FILE', 'it is no private key in PEM', () => createPrivateKey(key));
  const certificate = tried('API_TLS_CERTIFICATE_FILE', 'it is no certificate in PEM', () => new X509Certificate(cert));
  if (!belongTogether(certificate, privateKey))
    throw unusable('API_TLS_CERTIFICATE_FILE', 'the certificate is not for the key of API_TLS_KEY_FILE');
  return { key, cert };
}

const belongTogether = (certificate: X509Certificate, key: KeyObject): boolean => certificate.checkPrivateKey(key);

function readConfigured(config: Config, name: FileName): Buffer {
  const path = required(config, name);
  return tried(name, 'the file cannot be read', () => readFileSync(path));
}

function tried<T>(name: FileName, detail: string, act: () => T): T {
  try {
    return act();
  } catch {
    throw unusable(name, detail);
  }
}

const unusable = (name: FileName, detail: string): Refusal =>
  new Refusal('configuration_invalid', `${name} is not usable`, [
    {
      rule: 'the API shows a certificate of this hierarchy',
      at: name,
      detail,
      remedy: 'make both files with `igc certificate issue serv-ssl --new-key … --out …`',
    },
  ]);
