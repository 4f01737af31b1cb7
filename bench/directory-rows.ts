// The certificates that a directory is measured on: twenty services each of so many structures, one certificate a service, with the row
// and the line of the feed that an issuance leaves. Their bytes have the usual length, and are signed by nobody.

import { sql } from 'drizzle-orm';
import type { Tx } from '#db/connect.ts';
import { HOLDER_KEY } from '../scripts/documents/fixed.ts';
import { crlUrl, type Hierarchy, ldapUrl } from '../src/policy/hierarchy.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from '../src/x509/algorithms.ts';
import { assembleSigned, buildTbsCertificate } from '../src/x509/certificate.ts';
import { basicConstraints, cRLDistributionPoints, subjectKeyIdentifier } from '../src/x509/extensions.ts';
import { keyIdentifier } from '../src/x509/keys.ts';
import { buildName, formatName, type Name } from '../src/x509/names.ts';
import { OID } from '../src/x509/oids.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const PROFILE = 'org-auth-cli';
const SERVICES = 20;
const CHUNK = 1_000;
const SIGNATURE_BYTES = 512;

export type BenchCertificate = { readonly structure: string; readonly name: string; readonly der: Uint8Array };

const utf8 = (type: string, value: string): Name[number] => [{ type, value, string: 'utf8' }];

function subjectOf(structure: string, name: string): Name {
  return [
    [{ type: OID.countryName, value: 'FR', string: 'printable' }],
    utf8(OID.organizationName, `ETABLISSEMENT ${structure}`),
    utf8(OID.organizationalUnitName, structure),
    utf8(OID.commonName, name),
  ];
}

/** `count` certificates, those of one structure one after the other. */
export function benchCertificates(hierarchy: Hierarchy, count: number): BenchCertificate[] {
  const signatureAlgorithm = signatureAlgorithmIdentifier(signatureAlgorithmFor(HOLDER_KEY));
  const notBefore = new Date('2026-01-01T00:00:00Z');
  const extensions = [
    basicConstraints(false, undefined, false),
    subjectKeyIdentifier(keyIdentifier(HOLDER_KEY)),
    cRLDistributionPoints([crlUrl(hierarchy, ISSUER), ldapUrl(hierarchy, ISSUER, 'certificateRevocationList')]),
  ];
  const issuer = buildName(subjectOf('0', 'bench'));
  return Array.from({ length: count }, (_, at) => {
    const structure = `3${String(Math.floor(at / SERVICES)).padStart(14, '0')}`;
    const name = `service-${at}.exemple.fr`;
    const tbs = buildTbsCertificate({
      ...{ serial: serialOf(at), signatureAlgorithm, issuer, notBefore, notAfter: new Date('2036-01-01T00:00:00Z') },
      ...{ subject: buildName(subjectOf(structure, name)), spki: HOLDER_KEY, extensions },
    });
    return { structure, name, der: assembleSigned(tbs, signatureAlgorithm, new Uint8Array(SIGNATURE_BYTES).fill(at)) };
  });
}

function serialOf(at: number): Buffer {
  const serial = Buffer.alloc(16, 0x42);
  serial.writeUInt32BE(at, 12);
  return serial;
}

/** Writes them as issued, and into the feed. */
export async function insertIssued(tx: Tx, certificates: readonly BenchCertificate[]): Promise<void> {
  for (let from = 0; from < certificates.length; from += CHUNK)
    await insertChunk(tx, certificates.slice(from, from + CHUNK), from);
  await tx.execute(sql`vacuum analyze certificate`);
}

async function insertChunk(tx: Tx, chunk: readonly BenchCertificate[], from: number): Promise<void> {
  const rows = chunk.map(({ structure, name, der }, at) => ({
    ...{
      n: from + at,
      structure,
      der: Buffer.from(der).toString('hex'),
      subject: formatName(subjectOf(structure, name)),
    },
    serial: serialOf(from + at).toString('hex'),
  }));
  await tx.execute(sql`
    insert into certificate (id, issuer, serial, profile, profile_digest, state, tbs, der, subject, holder, holder_key,
      key_digest, order_digest, actor, actor_kind, not_before, not_after, settled_at)
    select ('0199aa00-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${ISSUER}, decode(serial, 'hex'), ${PROFILE},
      repeat('a', 64), 'issued', '\\x30'::bytea, decode(der, 'hex'), subject,
      jsonb_build_object('kind', 'structure', 'structIdNat', structure), structure,
      sha256(int4send(n)), sha256(int4send(-n)), 'operator:bench', 'operator', '2026-01-01', '2036-01-01', now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as made (n integer, structure text, der text, subject text, serial text)`);
  await tx.execute(sql`
    insert into status_feed (issuer, serial)
    select ${ISSUER}, decode(serial, 'hex') from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as made (serial text)`);
}
