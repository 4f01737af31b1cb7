// The certificates of the authorities themselves, for the ceremony that creates a branch: fields from the hierarchy file, then
// the linted structure that a token may sign. Extension order as in the authorities of IGC-Santé.

import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from '../x509/algorithms.ts';
import { buildTbsCertificate, type Certificate, type CertificateFields } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  cRLDistributionPoints,
  keyUsage,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { keyIdentifier } from '../x509/keys.ts';
import { lintCaCertificate } from '../x509/lint-certificate.ts';
import { buildName } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';
import { wholeSecond } from '../x509/seconds.ts';
import type { Signable } from '../x509/signable.ts';
import { addDays, addYears } from './calendar.ts';
import { type CertificationAuthority, caName, crlUrl, type Hierarchy, ldapUrl } from './hierarchy.ts';

export type AuthorityParts = {
  readonly hierarchy: Hierarchy;
  readonly authority: CertificationAuthority;
  /** the key that the authority will sign with */
  readonly spki: Uint8Array;
  /** the certificate of its root; absent for a root */
  readonly issuer?: Certificate;
  /** value octets of the INTEGER, positive */
  readonly serial: Uint8Array;
  readonly now: Date;
};

/**
 * The fields of an authority's certificate. A root lives the calendar years that the hierarchy says, from `now`; an intermediate
 * ends some days before its root, whenever it is made. Throws TypeError when a root has an issuer or an intermediate has none.
 */
export function authorityFields(parts: AuthorityParts): CertificateFields {
  const { hierarchy, authority, spki, issuer, serial, now } = parts;
  if ((authority.kind === 'root') !== (issuer === undefined))
    throw new TypeError('intermediates have an issuer, roots none');
  const subject = buildName(caName(hierarchy, authority));
  const signer = issuer?.spki ?? spki;
  const pointers = crlUris(parts);
  return {
    serial,
    signatureAlgorithm: signatureAlgorithmIdentifier(signatureAlgorithmFor(signer)),
    issuer: issuer?.subject ?? subject,
    ...validityOf(hierarchy, wholeSecond(now), issuer),
    subject,
    spki,
    extensions: [
      basicConstraints(true, issuer === undefined ? undefined : 0, true),
      keyUsage(['keyCertSign', 'cRLSign']),
      certificatePolicies(OID.anyPolicy, hierarchy.urls.cps),
      ...(pointers === undefined ? [] : [cRLDistributionPoints(pointers)]),
      subjectKeyIdentifier(keyIdentifier(spki)),
      authorityKeyIdentifier(keyIdentifier(signer)),
    ],
  };
}

/** The linted structure to sign: with its own key for a root, with the root's for an intermediate. Throws Refusal lint_failed. */
export function buildAuthoritySignable(parts: AuthorityParts): Signable {
  const { hierarchy, authority, spki, issuer, now } = parts;
  return lintCaCertificate(buildTbsCertificate(authorityFields(parts)), {
    issuer,
    subject: buildName(caName(hierarchy, authority)),
    spki,
    ...validityOf(hierarchy, wholeSecond(now), issuer),
    policy: { oid: OID.anyPolicy, cpsUri: hierarchy.urls.cps },
    crlUris: crlUris(parts),
  });
}

function validityOf({ validity }: Hierarchy, notBefore: Date, issuer: Certificate | undefined) {
  const notAfter =
    issuer === undefined
      ? addYears(notBefore, validity.years)
      : addDays(issuer.notAfter, -validity.intermediateEndsDaysEarlier);
  return { notBefore, notAfter };
}

/** Where the list of the root is, HTTP then LDAP; nobody publishes one that could revoke a root. */
const crlUris = ({ hierarchy, authority }: AuthorityParts): string[] | undefined =>
  authority.kind === 'root'
    ? undefined
    : [crlUrl(hierarchy, authority.issuer), ldapUrl(hierarchy, authority.issuer, 'certificateRevocationList')];
