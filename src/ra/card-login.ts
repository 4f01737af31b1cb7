// The login that a card certificate stands for: validated anew each time (path, validity, usage, revocation), then issuing CA + card
// profile + national identifier as our own row has them, never as the certificate's names say.

import type { Login } from '#db/administrators.ts';
import { certificateStatus, findBySerial } from '#db/certificates.ts';
import type { Authority } from '../authority.ts';
import type { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { DerError } from '../x509/der.ts';
import { extendedKeyUsageOf, isCa, keyUsageOf } from '../x509/extension-values.ts';
import { faultOfIssued } from '../x509/issued.ts';
import { OID } from '../x509/oids.ts';

type Refuse = (detail: string) => Refusal;

/** Validates a certificate in DER. Throws what `refuse` makes of the fault; Outage when the database is away. */
export async function cardLogin(
  system: Needs<'db' | 'authorities' | 'clock'>,
  der: Uint8Array,
  refuse: Refuse,
): Promise<Login> {
  const { certificate, issuer } = validate(system, der, refuse);
  // An authority whose certificate is revoked vouches for nobody, its cards neither.
  const above = await certificateStatus(system.db.read, issuer.issuer, issuer.certificate.serial);
  if (above?.revokedAt !== undefined) throw refuse('the authority that issued the certificate is revoked');
  const row = await findBySerial(system.db.read, issuer.id, certificate.serial);
  if (row?.der === undefined || Buffer.compare(row.der, certificate.der) !== 0)
    throw refuse('this authority has no record of the certificate');
  if (row.revocation !== undefined) throw refuse('the certificate is revoked');
  return { issuingCa: issuer.id, cardProfile: row.profile, nationalId: row.holderKey };
}

function validate(system: Needs<'authorities' | 'clock'>, der: Uint8Array, refuse: Refuse) {
  try {
    const certificate = parseCertificate(der);
    const issuer = checkPath(system, certificate, refuse);
    if (!isForLogin(certificate)) throw refuse('the certificate is not meant for client authentication');
    return { certificate, issuer };
  } catch (error) {
    if (error instanceof DerError) throw refuse('the certificate cannot be read');
    throw error;
  }
}

/** RFC 5280 §6.1 Basic Path Validation, for the only paths that exist here: root, intermediate, card. */
function checkPath(system: Needs<'authorities' | 'clock'>, certificate: Certificate, refuse: Refuse): Authority {
  const now = system.clock();
  const issuer = [...system.authorities.values()].find(
    (authority) =>
      authority.kind === 'intermediate' && Buffer.compare(authority.certificate.subject, certificate.issuer) === 0,
  );
  const root = issuer === undefined ? undefined : system.authorities.get(issuer.issuer);
  if (issuer === undefined || root === undefined) throw refuse('the certificate is not of this hierarchy');
  const isOver = [issuer, root].some(({ certificate: { notBefore, notAfter } }) => now < notBefore || now > notAfter);
  const fault = isOver ? 'validity' : faultOfIssued(certificate, issuer.certificate, now);
  if (fault === 'validity') throw refuse('a certificate of the path is not valid now');
  if (fault !== undefined) throw refuse('the signature of the certificate is wrong');
  return issuer;
}

function isForLogin({ extensions }: Certificate): boolean {
  const isForSigning = keyUsageOf(extensions).includes('digitalSignature');
  return !isCa(extensions) && isForSigning && extendedKeyUsageOf(extensions).includes(OID.clientAuth);
}
