// A key and a self-signed certificate for `localhost`, made by openssl.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes both into `directory` and answers them as PEM. */
export function localhostCertificate(directory: string): { readonly key: string; readonly certificate: string } {
  const key = join(directory, 'tls.key');
  const certificate = join(directory, 'tls.pem');
  const options = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost'.split(
    ' ',
  );
  execFileSync(
    'openssl',
    [...options, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    {
      stdio: 'ignore',
    },
  );
  return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
}
