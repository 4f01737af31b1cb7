// Commands that work as pasted while `npm run demo -- --serve` is running.

import { relative } from 'node:path';
import { HOSPITAL, type Stage } from './main-job.ts';

/** One block of shell text, for a terminal in the project's folder. */
export function curlCommands(stage: Stage): string {
  const file = (path: string): string => `${relative(process.cwd(), stage.directory)}/${path}`;
  const api = `https://${stage.apiHost}:${stage.apiPort}`;
  const card = [
    `--resolve ${stage.apiHost}:${stage.apiPort}:127.0.0.1`,
    `--cacert ${file('ca/roots.pem')}`,
    `--cert ${file('certificates/cps-auth.pem')}`,
    `--key ${file('keys/cps-auth.key')}`,
  ].join(' ');
  const reach = (host: string): string => `--connect-to ${host}:80:127.0.0.1:${stage.publicPort}`;
  const publicHost = new URL(stage.publicUrl).host;
  return [
    '# the profiles on offer',
    `curl -sS ${card} ${api}/v1/profiles`,
    '',
    '# a certificate from a new key and request',
    `openssl req -new -newkey rsa:2048 -noenc -keyout ${file('keys/mine.key')} -subj /CN=mine.ch-demonstration.fr -outform DER -out ${file('requests/mine.der')}`,
    `curl -sS ${card} -H 'Content-Type: application/pkcs10' --data-binary @${file('requests/mine.der')} '${api}/v1/certificates?profile=serv-ssl&structure=${HOSPITAL.id}'`,
    '',
    '# a CRL, under the URL that certificates carry',
    `curl -sS ${reach(publicHost)} ${stage.publicUrl}/CRL/ACI-EL-ORG-TEST.crl | openssl crl -inform DER -noout -text | head -20`,
    '',
    '# OCSP',
    `openssl ocsp -issuer ${file('ca/ACI-EL-ORG-TEST.cer')} -cert ${file('certificates/org-auth-cli.pem')} -url http://127.0.0.1:${stage.publicPort}/ -CAfile ${file('ca/roots.pem')}`,
    '',
    '# the API in a browser: Swagger UI',
    `curl -sS ${card} ${api}/docs/ | head -5`,
    '',
  ].join('\n');
}
