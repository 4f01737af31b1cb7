// Who is behind a TLS connection: the card certificate is validated here for every request (path, validity, usage, revocation),
// and stands for issuing CA + card profile + national identifier; a name alone is nobody.

import { createHash } from 'node:crypto';
import { findLogin } from '#db/logins.ts';
import type { Actor } from '../actor.ts';
import type { Authorities, Authority } from '../authority.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { parseSignatureAlgorithm, verifySignature } from '../x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { extendedKeyUsageOf, isCa, keyUsageOf } from '../x509/extension-values.ts';
import { OID } from '../x509/oids.ts';

/** The certificate of the TLS peer in DER, leaf first and nothing above it; empty when it sent none. */
export type Peer = { readonly chain: readonly Uint8Array[] };
/** Who calls: a technical administrator, and the structures (Struct_IdNat) that they may act for. */
export type AdministratorActor = Extract<Actor, { kind: 'administrator' }>;

/** Throws Refusal `client_certificate_required` or `client_certificate_refused`; Outage when the database is away. */
export async function findActor(
  system: Needs<'db' | 'authorities' | 'clock'>,
  peer: Peer,
): Promise<AdministratorActor> {
  const [leaf] = peer.chain;
  if (leaf === undefined) throw new Refusal('client_certificate_required', 'a card certificate is needed');
  const { certificate, issuer, root } = readCard(system, leaf);
  checkValidity(system, [certificate, issuer.certificate, root.certificate]);
  const login = await findLogin(system.db.read, {
    issuer: issuer.id,
    serial: certificate.serial,
    issuerIssuer: issuer.issuer,
    issuerSerial: issuer.certificate.serial,
  });
  // An authority whose certificate is revoked vouches for nobody, its cards neither.
  if (login?.authorityRevoked === true) throw refused('the authority that issued the certificate is revoked');
  if (login?.der === undefined || Buffer.compare(login.der, certificate.der) !== 0)
    throw refused('this authority has no record of the certificate');
  if (login.revoked) throw refused('the certificate is revoked');
  if (login.administrator === undefined) throw refused('the holder is not known as a technical administrator');
  return { kind: 'administrator', id: login.administrator, structures: login.structures };
}

type Card = { readonly certificate: Certificate; readonly issuer: Authority; readonly root: Authority };

/** Cards that were read and found good in what can never change: their bytes, their issuer's signature, their usage. */
const goodCards = new WeakMap<Authorities, Map<string, Card>>();
const MOST_CARDS = 1_000;

/** The card with these bytes. What can change, time and revocation and rights, is the caller's to ask on every request. */
function readCard({ authorities }: Needs<'authorities'>, der: Uint8Array): Card {
  const good = goodCards.get(authorities) ?? new Map<string, Card>();
  goodCards.set(authorities, good);
  const digest = createHash('sha256').update(der).digest('base64');
  const known = good.get(digest);
  if (known !== undefined) return known;
  const card = checkPath(authorities, readPeer(Uint8Array.from(der)));
  checkUsage(card.certificate);
  const [oldest] = good.keys();
  if (good.size >= MOST_CARDS && oldest !== undefined) good.delete(oldest);
  good.set(digest, card);
  return card;
}

function readPeer(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof DerError) throw refused('the certificate cannot be read');
    throw error;
  }
}

/** RFC 5280 §6.1 Basic Path Validation, for the only paths that exist here: root, intermediate, card. */
function checkPath(authorities: Authorities, certificate: Certificate): Card {
  const issuer = [...authorities.values()].find(
    (authority) =>
      authority.kind === 'intermediate' && Buffer.compare(authority.certificate.subject, certificate.issuer) === 0,
  );
  const root = issuer === undefined ? undefined : authorities.get(issuer.issuer);
  if (issuer === undefined || root === undefined) throw refused('the certificate is not of this hierarchy');
  const algorithm = parseSignatureAlgorithm(certificate.signatureAlgorithm);
  if (
    algorithm === undefined ||
    !verifySignature(algorithm, issuer.verifyingKey, certificate.tbs, certificate.signature)
  ) {
    throw refused('the signature of the certificate is wrong');
  }
  return { certificate, issuer, root };
}

function checkValidity({ clock }: Needs<'clock'>, path: readonly Certificate[]): void {
  const now = clock();
  for (const { notBefore, notAfter } of path) {
    if (now < notBefore || now > notAfter) throw refused('a certificate of the path is not valid now');
  }
}

function checkUsage(certificate: Certificate): void {
  const usages = keyUsageOf(certificate.extensions);
  const purposes = extendedKeyUsageOf(certificate.extensions);
  if (isCa(certificate.extensions) || !usages.includes('digitalSignature') || !purposes.includes(OID.clientAuth)) {
    throw refused('the certificate is not meant for client authentication');
  }
}

const refused = (detail: string): Refusal =>
  new Refusal('client_certificate_refused', 'the client certificate is not accepted', [
    {
      rule: 'issuing CA + card profile + national identifier',
      at: 'tls.peerCertificate',
      detail,
      remedy: 'authenticate with the card of a technical administrator',
    },
  ]);
