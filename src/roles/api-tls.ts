// The API's own TLS key and certificate: read and tried before anything else is opened, so that a wrong file is named at once, and
// read again by renew-api-tls.ts while the role runs.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type Config, required } from '../config.ts';
import { Refusal } from '../errors.ts';

type FileName = 'API_TLS_KEY_FILE' | 'API_TLS_CERTIFICATE_FILE';
export type TlsFiles = { readonly key: Buffer; readonly cert: Buffer };
export type ApiTls = TlsFiles & { readonly notBefore: Date; readonly notAfter: Date; readonly serial: string };

/** Both files, PEM: the key, and the certificate with its issuers after it. Throws Refusal `configuration_invalid`. */
export const readApiTls = (config: Config): ApiTls => checkApiTls(readTlsFiles(config));

/** What the two files hold now, not yet looked at. Throws Refusal `configuration_invalid`. */
export const readTlsFiles = (config: Config): TlsFiles => ({
  key: readConfigured(config, 'API_TLS_KEY_FILE'),
  cert: readConfigured(config, 'API_TLS_CERTIFICATE_FILE'),
});

/** Whether a server can show them: whole, one for the other, and nothing that TLS refuses. Throws Refusal `configuration_invalid`. */
export function checkApiTls({ key, cert }: TlsFiles): ApiTls {
  const privateKey = tried('API_TLS_KEY_FILE', 'it is no private key in PEM', () => createPrivateKey(key));
  const [certificate] = tried('API_TLS_CERTIFICATE_FILE', 'it is no certificate in PEM', () => readChain(cert));
  if (!belongTogether(certificate, privateKey))
    throw unusable('API_TLS_CERTIFICATE_FILE', 'the certificate is not for the key of API_TLS_KEY_FILE');
  tried('API_TLS_CERTIFICATE_FILE', 'TLS does not take it', () => createSecureContext({ key, cert }));
  const { validFromDate: notBefore, validToDate: notAfter, serialNumber: serial } = certificate;
  return { key, cert, notBefore, notAfter, serial };
}

const belongTogether = (certificate: X509Certificate, key: KeyObject): boolean => certificate.checkPrivateKey(key);

/** RFC 7468 §2 General Considerations */
const PEM_BLOCK = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/** The leaf and the issuers after it; a file that ends in the middle of one, as half-written ones do, is none. */
function readChain(pem: Buffer): [X509Certificate, ...X509Certificate[]] {
  const text = pem.toString('latin1');
  const blocks = text.match(PEM_BLOCK) ?? [];
  const certificates = blocks.filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'));
  const [leaf, ...issuers] = certificates.map((block) => new X509Certificate(block));
  if (leaf === undefined || text.replace(PEM_BLOCK, '').includes('-----')) throw new Error('a piece is missing');
  return [leaf, ...issuers];
}

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
