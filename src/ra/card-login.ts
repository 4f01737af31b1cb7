// What a card certificate proves of itself, and the login that it stands for: issuing CA + card profile + national identifier as our
// own row has them, never as the certificate's names say.

import { createHash } from 'node:crypto';
import type { Login } from '#db/administrators.ts';
import { certificateStatus, findBySerial } from '#db/certificates.ts';
import type { Authorities, Authority } from '../authority.ts';
import type { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { extendedKeyUsageOf, isCa, keyUsageOf } from '../x509/extension-values.ts';
import { isSignedBy } from '../x509/issued.ts';
import { OID } from '../x509/oids.ts';

type Refuse = (detail: string) => Refusal;
type Card = { readonly certificate: Certificate; readonly issuer: Authority; readonly root: Authority };

/** Validates a certificate in DER. Throws what `refuse` makes of the fault; Outage when the database is away. */
export async function cardLogin(
  system: Needs<'db' | 'authorities' | 'clock'>,
  der: Uint8Array,
  refuse: Refuse,
): Promise<Login> {
  const { certificate, issuer } = readCard(system, der, refuse);
  // An authority whose certificate is revoked vouches for nobody, its cards neither.
  const above = await certificateStatus(system.db.read, issuer.issuer, issuer.certificate.serial);
  if (above?.revokedAt !== undefined) throw refuse('the authority that issued the certificate is revoked');
  const row = await findBySerial(system.db.read, issuer.id, certificate.serial);
  if (row?.der === undefined || Buffer.compare(row.der, certificate.der) !== 0)
    throw refuse('this authority has no record of the certificate');
  if (row.revocation !== undefined) throw refuse('the certificate is revoked');
  return { issuingCa: issuer.id, cardProfile: row.profile, nationalId: row.holderKey };
}

/** Cards that were read and found good in what can never change: their bytes, their issuer's signature, their usage. */
const goodCards = new WeakMap<Authorities, Map<string, Card>>();
const MOST_CARDS = 1_000;

/**
 * The card with these bytes, valid now under an authority of ours. What else can change, revocation and rights, is the caller's to
 * ask each time. Throws what `refuse` makes of the fault.
 */
export function readCard(system: Needs<'authorities' | 'clock'>, der: Uint8Array, refuse: Refuse): Card {
  const good = goodCards.get(system.authorities) ?? new Map<string, Card>();
  goodCards.set(system.authorities, good);
  const digest = createHash('sha256').update(der).digest('base64');
  const card = good.get(digest) ?? validate(system.authorities, Uint8Array.from(der), refuse);
  const [oldest] = good.keys();
  if (!good.has(digest) && good.size >= MOST_CARDS && oldest !== undefined) good.delete(oldest);
  good.set(digest, card);
  const now = system.clock();
  for (const { notBefore, notAfter } of [card.certificate, card.issuer.certificate, card.root.certificate]) {
    if (now < notBefore || now > notAfter) throw refuse('a certificate of the path is not valid now');
  }
  return card;
}

function validate(authorities: Authorities, der: Uint8Array, refuse: Refuse): Card {
  try {
    const certificate = parseCertificate(der);
    const card = checkPath(authorities, certificate, refuse);
    if (!isForLogin(certificate)) throw refuse('the certificate is not meant for client authentication');
    return card;
  } catch (error) {
    if (error instanceof DerError) throw refuse('the certificate cannot be read');
    throw error;
  }
}

/** RFC 5280 §6.1 Basic Path Validation, for the only paths that exist here: root, intermediate, card. */
function checkPath(authorities: Authorities, certificate: Certificate, refuse: Refuse): Card {
  const issuer = [...authorities.values()].find(
    (authority) =>
      authority.kind === 'intermediate' && Buffer.compare(authority.certificate.subject, certificate.issuer) === 0,
  );
  const root = issuer === undefined ? undefined : authorities.get(issuer.issuer);
  if (issuer === undefined || root === undefined) throw refuse('the certificate is not of this hierarchy');
  if (!isSignedBy(certificate, issuer.verifyingKey)) throw refuse('the signature of the certificate is wrong');
  return { certificate, issuer, root };
}

function isForLogin({ extensions }: Certificate): boolean {
  const isForSigning = keyUsageOf(extensions).includes('digitalSignature');
  return !isCa(extensions) && isForSigning && extendedKeyUsageOf(extensions).includes(OID.clientAuth);
}
