// Commands that work as pasted, again and again, while `npm run demo -- --serve` is running.

import { writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { temporaryFolder } from '../temporary.ts';
import { LDAP_BASE } from './directory.ts';
import { ROOT } from './place.ts';
import { API_HOST, file, HOSPITAL, LOGIN_CARD, OCSP_URL, PUBLIC_URL, type Stage } from './stage.ts';

/** For a POSIX shell: as it is where that is safe, else between single quotes. */
const quote = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/**
 * Writes the file with which igc finds this service: addresses and paths, and the paths of the PIN files, but no PIN. A DATABASE_URL
 * that was given to us may hold a password, so the file is in the temporary folder, which goes with us.
 */
export function writeEnvironmentFile({ environment }: Stage): void {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  writeFileSync(environmentFile(), lines.join(''), { mode: 0o600 });
}
const environmentFile = (): string => join(temporaryFolder(), 'env.sh');

/** Blocks of shell text, for a terminal in the project's folder. Later ones use what earlier ones made. */
export function printedCommands(stage: Stage): string {
  return blocks(stage)
    .map(([title, ...lines]) => [`# ${title}`, ...lines, ''].join('\n'))
    .join('\n');
}

function blocks(stage: Stage): readonly (readonly [title: string, ...lines: string[]])[] {
  const at = (folder: string, name: string): string => quote(fromRoot(file(stage, folder, name)));
  const api = `https://${API_HOST}:${stage.apiPort}`;
  const card = [
    `--resolve ${API_HOST}:${stage.apiPort}:127.0.0.1 --cacert ${at('ca', 'roots.pem')} \\`,
    `  --cert ${at('certificates', `${LOGIN_CARD}.pem`)} --key ${at('keys', `${LOGIN_CARD}.key`)} \\`,
  ];
  const curl = (...rest: string[]): string[] => [
    `curl -sS ${card[0]}`,
    ...card.slice(1),
    ...rest.map((line) => `  ${line}`),
  ];
  const [key, csr, answer, chain] = ['key', 'csr', 'json', 'pem'].map((ending) => at('mine', `mine.${ending}`));
  const roots = at('ca', 'roots.pem');
  const publicHost = new URL(PUBLIC_URL).host;
  const ocsp = [
    `openssl ocsp -url http://127.0.0.1:${stage.publicPort}/ -header Host=${new URL(OCSP_URL).host} \\`,
    `  -issuer ${at('ca', 'ACI-EL-ORG-TEST.cer')} -cert ${chain} -CAfile ${roots}`,
  ];
  const igc = (...commands: string[]): string => {
    const lines = [environmentFile(), ...commands.map((command) => `scripts/igc ${command}`)];
    return `(. ${lines.join(commands.length === 1 ? ' && ' : ' && \\\n  ')})`;
  };
  return [
    ['the profiles on offer, over mutual TLS with the administrator’s card', ...curl(`${api}/v1/profiles; echo`)],
    [
      'a new key and a request for it, made by openssl; then a certificate for it',
      'openssl req -new -newkey rsa:2048 -noenc -subj /CN=mine.ch-demonstration.fr \\',
      `  -keyout ${key} -outform DER -out ${csr}`,
      ...curl(
        `-H 'Content-Type: application/pkcs10' --data-binary @${csr} \\`,
        `-o ${answer} -w '%{http_code}\\n' '${api}/v1/certificates?profile=serv-ssl&structure=${HOSPITAL.id}'`,
      ),
      `id=$(sed -n 's/^{"id":"\\([^"]*\\)".*/\\1/p' ${answer}); echo "$id"`,
    ],
    [
      'the certificate and its chain as PEM, for a server’s configuration, and what openssl says of it',
      ...curl(`-H 'Accept: application/pem-certificate-chain' -o ${chain} ${api}/v1/certificates/$id`),
      `openssl verify -x509_strict -CAfile ${roots} -untrusted ${chain} ${chain}`,
    ],
    ['its status by OCSP: good', ...ocsp],
    [
      'who is warned of its end and when, and the mail as they receive it, sent now as a test',
      igc('notice show "$id"', 'notice rehearse "$id" --recipients'),
      `tail -n +1 "$(ls ${at('mail', '')}/*.txt | tail -n 1)"`,
    ],
    [
      'revoke it, for good',
      ...curl(
        `-H 'Content-Type: application/json' -d '{"reason":"superseded"}' ${api}/v1/certificates/$id/revocation; echo`,
      ),
    ],
    [
      'what the administrator’s structures have, newest first: a page of JSON, and an extract for a spreadsheet',
      ...curl(`'${api}/v1/certificates?profile=serv-ssl&limit=2'; echo`),
      ...curl(`-H 'Accept: text/csv' '${api}/v1/certificates?structure=${HOSPITAL.id}&state=revoked'`),
    ],
    [
      'the operators’ view of what was issued',
      igc(
        'certificate list --limit 5',
        'certificate search mine.ch-demonstration.fr',
        `certificate export --format csv > ${at('mine', 'certificates.csv')}`,
      ),
    ],
    ['its status by OCSP: revoked', ...ocsp],
    [
      'the CRL under the URL that certificates carry; it is renewed soon after a revocation',
      `curl -sS --connect-to ${publicHost}:80:127.0.0.1:${stage.publicPort} ${PUBLIC_URL}/CRL/ACI-EL-ORG-TEST.crl \\`,
      '  | openssl crl -inform DER -noout -text | sed "/^ *Signature Value/,$ d"',
    ],
    ...directory(stage),
    ['is everything well?', igc('doctor')],
    [
      'what the API can do; a browser that has the card shows it as a page, at /docs',
      ...curl(`${api}/openapi.yaml \\`, `| grep -E '^ +(/|summary: )'`),
    ],
  ];
}

/** What anybody asks the LDAP directory, where there is one. */
function directory({ environment: { LDAP_URL } }: Stage): readonly (readonly [title: string, ...lines: string[]])[] {
  if (LDAP_URL === undefined) return [];
  const search = `ldapsearch -x -LLL -o ldif-wrap=no -H ${LDAP_URL} \\`;
  const root = 'ou=TEST AC RACINE IGC-SANTE ELEMENTAIRE';
  return [
    [
      'the hospital in the LDAP directory: each name with its certificates',
      search,
      `  -b ${quote(`ou=${HOSPITAL.id},ou=Structures,${LDAP_BASE}`)} '(cn=*)' cn description 'userCertificate;binary'`,
    ],
    [
      'the CRL in the LDAP directory, where the LDAP URL in certificates points',
      search,
      `  -b ${quote(`cn=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,${root},${LDAP_BASE}`)} \\`,
      "  -s base '(objectClass=pkiCA)' 'certificateRevocationList;binary' \\",
      "  | sed -n 's/^certificateRevocationList;binary:: //p' | openssl base64 -d -A \\",
      '  | openssl crl -inform DER -noout -issuer -nextupdate -crlnumber',
    ],
  ];
}

/** Paths in the project's folder as they are there; others in full. */
function fromRoot(path: string): string {
  const inside = relative(ROOT, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}
