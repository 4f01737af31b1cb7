// Reads the demo's files back with openssl and makes the final table of what it finds; nothing in it comes from memory.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.ts';
import { openssl, type Said } from './openssl.ts';
import type { Made } from './stage.ts';
import { readSummary } from './summary.ts';
import { hashIn, naming, pemIn, type Room, readTrust, type Trust } from './trust.ts';

export type Row = {
  readonly profile: string;
  /** RFC 4514 */
  readonly subject: string;
  readonly serial: string;
  /** `RSA-2048`, `P-256` */
  readonly key: string;
  /** id of the CA to whose certificate in ca/ openssl verified the path */
  readonly verifiedBy: string;
  readonly status: string;
};

/**
 * One row for each certificate of `summary.json`, in its order. Throws an error that names the first file that openssl does not
 * believe, or that does not fit the others.
 */
export async function readBack(directory: string): Promise<readonly Row[]> {
  const room = { directory, bundles: mkdtempSync(join(temporaryFolder(), 'read-back-')) };
  try {
    const summary = readSummary(directory);
    const trust = await readTrust(room);
    return await Promise.all(summary.map((made) => readRow(room, trust, made)));
  } finally {
    rmSync(room.bundles, { recursive: true, force: true });
  }
}

type Facts = Pick<Row, 'subject' | 'serial' | 'key'> & {
  readonly sha256: string;
  readonly issuerHash: string;
  readonly publicKey: string;
  readonly pem: string;
};

async function readRow(room: Room, trust: Trust, made: Made): Promise<Row> {
  const { profile } = made;
  const name = `certificates/${profile}.pem`;
  const facts = await readCertificate(room, name);
  if (facts.serial !== made.serial || facts.sha256 !== made.sha256)
    throw new Error(`${name} is not the certificate that summary.json tells of`);
  const issuer = trust.authorities.get(facts.issuerHash);
  if (issuer?.id !== made.issuer) throw new Error(`${name} was not issued by ${made.issuer}, as summary.json says`);
  const [status] = await Promise.all([
    readStatus(room, trust, { profile, serial: facts.serial, issuerFile: issuer.file }),
    checkKeyPair(room, profile, facts.publicKey),
  ]);
  if (status !== made.status)
    throw new Error(`ocsp/${profile}.der says ${status}, and summary.json says ${made.status}`);
  await checkPath(room, trust, made);
  checkChain(room, trust, { name, pem: facts.pem });
  const { subject, serial, key } = facts;
  return { profile, subject, serial, key, verifiedBy: issuer.id, status };
}

async function readCertificate({ directory }: Room, name: string): Promise<Facts> {
  const wanted = ['-subject', '-serial', '-fingerprint', '-sha256', '-issuer_hash', '-pubkey', '-text'];
  const { data } = await naming(name, () =>
    openssl('x509', '-in', join(directory, name), '-nameopt', 'RFC2253,-esc_msb,utf8', ...wanted),
  );
  const line = (pattern: RegExp): string => pattern.exec(data)?.[1] ?? '';
  return {
    subject: line(/^subject=(.*)$/m),
    serial: line(/^serial=(.*)$/m).toLowerCase(),
    sha256: line(/^sha256 Fingerprint=(.*)$/im)
      .replaceAll(':', '')
      .toLowerCase(),
    key: keyIn(data),
    issuerHash: hashIn(data),
    publicKey: pemIn(data, 'PUBLIC KEY'),
    pem: pemIn(data, 'CERTIFICATE'),
  };
}

/** The kind of the key in openssl's text of a certificate. */
function keyIn(text: string): string {
  const bits = /^ *Public Key Algorithm: rsaEncryption\n *Public-Key: \((\d+) bit\)$/m.exec(text)?.[1];
  return bits === undefined ? (/^ *NIST CURVE: (P-\d+)$/m.exec(text)?.[1] ?? 'unknown') : `RSA-${bits}`;
}

/**
 * RFC 5280 §6: strict path validation with every CRL, through the intermediates that the file itself brings. A revoked certificate
 * must fail for that reason and no other.
 */
async function checkPath({ directory }: Room, trust: Trust, { profile, issuer, status }: Made): Promise<void> {
  const name = `certificates/${profile}.pem`;
  const file = join(directory, name);
  const judged = openssl(
    ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', trust.roots, '-CRLfile', trust.crls],
    ...['-untrusted', file, file],
  );
  if (status === 'good') {
    await naming(name, () => judged);
    return;
  }
  const refusal = await judged.then(
    () => 'openssl accepts it',
    (error: unknown) => String(error),
  );
  if (!/error 23 at 0 depth lookup: certificate revoked/.test(refusal))
    throw new Error(`crl/${issuer}.crl does not show that ${name} is revoked (${refusal})`);
}

/** What follows the certificate in its file are certificates of ca/, octet for octet. */
function checkChain({ directory }: Room, trust: Trust, { name, pem }: { name: string; pem: string }): void {
  const known = new Set([pem, ...[...trust.authorities.values()].map((authority) => authority.pem)]);
  const text = readFileSync(join(directory, name), 'utf8');
  const blocks = text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----\n/g) ?? [];
  if (blocks.join('') !== text || !blocks.every((block) => known.has(block)))
    throw new Error(`${name} holds something else than the certificate and authorities of ca/`);
}

async function readStatus(
  { directory }: Room,
  trust: Trust,
  { profile, serial, issuerFile }: { profile: string; serial: string; issuerFile: string },
): Promise<string> {
  const name = `ocsp/${profile}.der`;
  const { data, remarks }: Said = await naming(name, () =>
    openssl(
      ...['ocsp', '-respin', join(directory, name), '-no_nonce', '-resp_text'],
      ...['-issuer', issuerFile, '-cert', join(directory, 'certificates', `${profile}.pem`)],
      ...['-CAfile', trust.roots, '-verify_other', trust.intermediates],
    ),
  );
  if (!remarks.includes('Response verify OK')) throw new Error(`${name}: openssl does not verify it`);
  if (!data.toLowerCase().includes(`serial number: ${serial}\n`))
    throw new Error(`${name} speaks of another certificate`);
  if (/Status times invalid/.test(data + remarks))
    throw new Error(`${name} is no longer valid: \`npm run demo\` fetches another`);
  return /: (good|revoked|unknown)$/m.exec(data)?.[1] ?? 'nothing';
}

/** The request proves possession of the key in the certificate, and the kept private key is that key. */
async function checkKeyPair({ directory }: Room, profile: string, publicKey: string): Promise<void> {
  const [request, key] = [`requests/${profile}.csr`, `keys/${profile}.key`];
  const [ofRequest, ofKey] = await Promise.all([
    naming(request, () => openssl('req', '-in', join(directory, request), '-verify', '-noout', '-pubkey')),
    naming(key, () => openssl('pkey', '-in', join(directory, key), '-check', '-pubout')),
  ]);
  if (!/verify OK/.test(ofRequest.remarks)) throw new Error(`${request}: openssl does not verify its signature`);
  if (pemIn(ofRequest.data, 'PUBLIC KEY') !== publicKey)
    throw new Error(`${request} is the request of another key than certificates/${profile}.pem`);
  if (pemIn(ofKey.data, 'PUBLIC KEY') !== publicKey)
    throw new Error(`${key} is another key than that of certificates/${profile}.pem`);
}
