// What tests of the directory need beside slapd itself: a certificate for it, by openssl.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../scripts/temporary.ts';

/** A self-signed certificate for 127.0.0.1 with its key, as files, and the PEM of what vouches for it. */
export function askOpenssl(): { readonly certificate: string; readonly key: string; readonly authority: string } {
  const folder = mkdtempSync(join(temporaryFolder(), 'tls-'));
  const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
    ],
    { stdio: 'ignore' },
  );
  return { certificate, key, authority: readFileSync(certificate, 'utf8') };
}
