// Reads the demo's files back with openssl and makes the final table of what it finds; nothing here comes from memory.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openssl, opensslWithMessages } from './openssl.ts';

export type Row = {
  readonly profile: string;
  readonly subject: string;
  readonly serial: string;
  readonly verifiedBy: string;
  readonly status: string;
};
export type Summary = {
  readonly certificates: readonly {
    readonly profile: string;
    readonly serial: string;
    readonly status: 'good' | 'revoked';
    readonly sha256: string;
  }[];
};

/** One row for each certificate of `summary.json`. Throws on the first file that openssl does not believe, or that differs from its neighbours. */
export async function readBack(directory: string): Promise<readonly Row[]> {
  const summary: Summary = JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8'));
  const bundles = mkdtempSync(join(directory, '.read-back-'));
  try {
    const trust = await readTrust(directory, bundles);
    const rows: Row[] = [];
    for (const expected of summary.certificates) rows.push(await readRow(directory, trust, expected));
    return rows;
  } finally {
    rmSync(bundles, { recursive: true, force: true });
  }
}

type Trust = { readonly roots: string; readonly intermediates: string; readonly crls: string };

/** PEM bundles, made by openssl from the DER files at this moment; every CA and every CRL is verified on the way. */
async function readTrust(directory: string, bundles: string): Promise<Trust> {
  const pem = async (
    kind: 'x509' | 'crl',
    folder: string,
    files: readonly string[],
    bundle: string,
  ): Promise<string> => {
    const texts: string[] = [];
    for (const name of files)
      texts.push(await openssl(kind, '-inform', 'DER', '-in', join(directory, folder, name), '-outform', 'PEM'));
    writeFileSync(join(bundles, bundle), `${texts.join('\n')}\n`);
    return join(bundles, bundle);
  };
  const authorities = readdirSync(join(directory, 'ca')).filter((name) => name.endsWith('.cer'));
  const lists = readdirSync(join(directory, 'crl')).filter((name) => name.endsWith('.crl'));
  const roots = await pem(
    'x509',
    'ca',
    authorities.filter((name) => name.startsWith('ACR-')),
    'roots.pem',
  );
  const intermediates = await pem(
    'x509',
    'ca',
    authorities.filter((name) => name.startsWith('ACI-')),
    'intermediates.pem',
  );
  const crls = await pem('crl', 'crl', lists, 'crls.pem');
  const everyCa = await pem('x509', 'ca', authorities, 'all.pem');
  for (const name of lists) await checkCrl(directory, name, everyCa);
  for (const name of authorities) {
    await openssl(
      'verify',
      '-x509_strict',
      '-check_ss_sig',
      '-crl_check_all',
      '-CAfile',
      roots,
      '-CRLfile',
      crls,
      join(directory, 'ca', name),
    );
  }
  return { roots, intermediates, crls };
}

/** A CRL file is signed by the CA that it is named after. */
async function checkCrl(directory: string, name: string, authorities: string): Promise<void> {
  const file = join(directory, 'crl', name);
  const said = await opensslWithMessages('crl', '-inform', 'DER', '-in', file, '-CAfile', authorities, '-noout');
  if (!said.includes('verify OK')) throw new Error(`${name}: openssl does not verify it`);
  const authority = join(directory, 'ca', `${basename(name, '.crl')}.cer`);
  const issuer = await openssl('crl', '-inform', 'DER', '-in', file, '-noout', '-hash');
  if ((await openssl('x509', '-inform', 'DER', '-in', authority, '-noout', '-subject_hash')) !== issuer) {
    throw new Error(`${name} is the CRL of another authority`);
  }
}

async function readRow(directory: string, trust: Trust, expected: Summary['certificates'][number]): Promise<Row> {
  const { profile } = expected;
  const file = join(directory, 'certificates', `${profile}.pem`);
  const subject = (
    await openssl('x509', '-in', file, '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8')
  ).replace(/^subject=/, '');
  const serial = (await openssl('x509', '-in', file, '-noout', '-serial')).replace(/^serial=/, '').toLowerCase();
  if (serial !== expected.serial) throw new Error(`${profile}.pem has another serial than summary.json`);
  await checkSha256(file, expected);
  await checkKeyPair(directory, profile, file);
  const status = await readStatus(directory, trust, { profile, serial, file });
  if (status !== expected.status)
    throw new Error(`${profile}: OCSP says ${status}, summary.json says ${expected.status}`);
  await checkChain(trust, file, status);
  const issuer = await openssl('x509', '-in', file, '-noout', '-issuer', '-nameopt', 'multiline,utf8');
  return { profile, subject, serial, verifiedBy: /commonName\s*= (.*)/.exec(issuer)?.[1] ?? '', status };
}

/** RFC 5280 §6: strict path validation with every CRL; a revoked certificate must fail with exactly that reason. */
async function checkChain(trust: Trust, file: string, status: string): Promise<void> {
  const args = [
    'verify',
    '-x509_strict',
    '-crl_check_all',
    '-CAfile',
    trust.roots,
    '-untrusted',
    trust.intermediates,
    '-CRLfile',
    trust.crls,
    file,
  ];
  if (status === 'good') {
    await openssl(...args);
    return;
  }
  const refusal = await openssl(...args).then(
    () => 'accepted',
    (error: unknown) => String(error),
  );
  if (!/revoked/.test(refusal)) throw new Error(`${file}: the CRL does not show the revocation (${refusal})`);
}

async function readStatus(
  directory: string,
  trust: Trust,
  { profile, serial, file }: { profile: string; serial: string; file: string },
): Promise<string> {
  const said = await opensslWithMessages(
    ...[
      'ocsp',
      '-respin',
      join(directory, 'ocsp', `${profile}.der`),
      '-issuer',
      await issuerFile(directory, file),
      '-cert',
      file,
    ],
    ...['-CAfile', trust.roots, '-verify_other', trust.intermediates, '-no_nonce', '-resp_text'],
  );
  if (!said.includes('Response verify OK')) throw new Error(`ocsp/${profile}.der: openssl does not verify it`);
  if (!said.toLowerCase().includes(`serial number: ${serial}`))
    throw new Error(`ocsp/${profile}.der speaks of another certificate`);
  return /: (good|revoked|unknown)$/m.exec(said)?.[1] ?? 'unreadable';
}

/** The CA file whose subject is the certificate's issuer. */
async function issuerFile(directory: string, certificate: string): Promise<string> {
  const issuer = (await openssl('x509', '-in', certificate, '-noout', '-issuer_hash')).trim();
  for (const name of readdirSync(join(directory, 'ca')).filter((entry) => entry.endsWith('.cer'))) {
    const file = join(directory, 'ca', name);
    if ((await openssl('x509', '-inform', 'DER', '-in', file, '-noout', '-subject_hash')).trim() === issuer)
      return file;
  }
  throw new Error(`no CA file is the issuer of ${certificate}`);
}

async function checkKeyPair(directory: string, profile: string, certificate: string): Promise<void> {
  const ofCertificate = await openssl('x509', '-in', certificate, '-noout', '-pubkey');
  const ofRequest = await openssl(
    'req',
    '-in',
    join(directory, 'requests', `${profile}.csr`),
    '-verify',
    '-noout',
    '-pubkey',
  );
  const ofKey = await openssl('pkey', '-in', join(directory, 'keys', `${profile}.key`), '-pubout');
  if (ofRequest !== ofCertificate || ofKey !== ofCertificate)
    throw new Error(`${profile}: key, request and certificate do not belong together`);
}

async function checkSha256(file: string, expected: Summary['certificates'][number]): Promise<void> {
  const pem = await openssl('x509', '-in', file, '-outform', 'PEM');
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  if (createHash('sha256').update(der).digest('hex') !== expected.sha256)
    throw new Error(`${file} is not the certificate of summary.json`);
}

/** The rows as aligned text. */
export function formatTable(rows: readonly Row[]): string {
  const head: Row = {
    profile: 'profile',
    subject: 'subject',
    serial: 'serial',
    verifiedBy: 'verified by',
    status: 'status',
  };
  const columns = ['profile', 'subject', 'serial', 'verifiedBy', 'status'] as const;
  const width = Object.fromEntries(
    columns.map((column) => [column, Math.max(...[head, ...rows].map((row) => row[column].length))]),
  );
  const line = (row: Row): string =>
    columns
      .map((column) => row[column].padEnd(width[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), columns.map((column) => '─'.repeat(width[column] ?? 0)).join('  '), ...rows.map(line)].join('\n');
}
