// The last look at a CRL before a token signs it. One of the three makers of Signable.
import type { Finding } from '../errors.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier } from './algorithms.ts';
import { type Certificate, extensionOf } from './certificate.ts';
import { parseTbsCertList, type TbsCertList } from './crl.ts';
import { keyUsageOf, readAuthorityKeyIdentifier, readSubjectKeyIdentifier } from './extension-values.ts';
import { expect, type Rule, reading, sameBytes } from './lint-finding.ts';
import { OID } from './oids.ts';
import { type Signable, settle } from './signable.ts';

export type ExpectedCertList = {
  /** the certificate of the CA that signs */
  readonly issuer: Certificate;
  readonly number: bigint;
  /** the number of the last CRL of this issuer, where there is one */
  readonly previousNumber?: bigint | undefined;
  /** serials, as contents octets of their INTEGER, that must not be missing */
  readonly required?: Iterable<Uint8Array> | undefined;
};

const rule = (title: string, field: string, remedy: string): Rule => ({
  rule: `RFC 5280 ${title}`,
  at: field === '' ? 'tbsCertList' : `tbsCertList.${field}`,
  remedy,
});

const STRUCTURE = rule('§5.1 CRL Fields', '', 'build the list with buildTbsCertList');
const SIGNATURE = rule('§5.1.2.2 Signature', 'signature', 'take the algorithm that belongs to the issuing key');
const ISSUER = rule('§5.1.2.3 Issuer Name', 'issuer', "copy the subject's bytes of a CA certificate with cRLSign");
const UPDATES = rule(
  '§5.1.2.5 Next Update',
  'nextUpdate',
  'let nextUpdate follow thisUpdate, within the life of the CA',
);
const REVOKED = rule('§5.1.2.6 Revoked Certificates', 'revokedCertificates', 'take every entry that is still due');
const EXTENSIONS = rule(
  '§5.2 CRL Extensions',
  'crlExtensions',
  'write AKI and CRLNumber, both not critical, in this order',
);
const KEY_IDENTIFIER = rule('§5.2.1 Authority Key Identifier', 'crlExtensions', "take the CA's subject key identifier");
const NUMBER = rule('§5.2.3 CRL Number', 'crlExtensions', 'take the next number of this issuer, at most 20 octets');

/**
 * Makes a Signable of a full CRL's TBSCertList that is DER and says what is expected. The entries are walked in place.
 * Throws Refusal `lint_failed` with every finding.
 */
export function lintCertList(tbs: Uint8Array, expected: ExpectedCertList): Signable {
  const findings = reading(STRUCTURE, () => {
    const list = parseTbsCertList(tbs);
    return [
      ...lintIssuer(list, expected.issuer),
      ...lintUpdates(list, expected.issuer),
      ...lintExtensions(list, expected.issuer),
      ...lintNumber(list, expected),
      ...lintRequired(list, expected.required ?? []),
    ];
  });
  return settle('crl', tbs, findings);
}

function lintIssuer(list: TbsCertList, issuer: Certificate): Finding[] {
  const algorithm = signatureAlgorithmIdentifier(signatureAlgorithmFor(issuer.spki));
  return [
    ...expect(
      sameBytes(list.signatureAlgorithm, algorithm),
      SIGNATURE,
      'the issuing key does not sign with this algorithm',
    ),
    ...expect(sameBytes(list.issuer, issuer.subject), ISSUER, "these are not the bytes of the CA's subject"),
    ...expect(keyUsageOf(issuer.extensions).includes('cRLSign'), ISSUER, 'the issuer does not sign CRLs'),
  ];
}

function lintUpdates({ thisUpdate, nextUpdate }: TbsCertList, { notBefore, notAfter }: Certificate): Finding[] {
  return [
    ...expect(thisUpdate < nextUpdate, UPDATES, 'nextUpdate does not follow thisUpdate'),
    ...expect(thisUpdate >= notBefore && thisUpdate <= notAfter, UPDATES, 'thisUpdate is outside the life of the CA'),
  ];
}

function lintExtensions({ extensions }: TbsCertList, issuer: Certificate): Finding[] {
  const found = extensions.map(({ oid, critical }) => `${oid} ${critical}`).join();
  const wanted = `${OID.authorityKeyIdentifier} false,${OID.cRLNumber} false`;
  const own = extensionOf(issuer, OID.subjectKeyIdentifier);
  const authority = extensionOf({ extensions }, OID.authorityKeyIdentifier);
  return [
    ...expect(found === wanted, EXTENSIONS, 'these are not the extensions of a full CRL'),
    ...reading(KEY_IDENTIFIER, () => {
      const same =
        own !== undefined &&
        authority !== undefined &&
        sameBytes(readAuthorityKeyIdentifier(authority.value), readSubjectKeyIdentifier(own.value));
      return expect(same, KEY_IDENTIFIER, "the key identifier is not the CA's");
    }),
  ];
}

function lintNumber({ number }: TbsCertList, expected: ExpectedCertList): Finding[] {
  if (number === undefined) return expect(false, NUMBER, 'there is no number');
  return [
    ...expect(number === expected.number, NUMBER, 'this is not the number that was recorded'),
    ...expect(number > (expected.previousNumber ?? -1n), NUMBER, 'the number does not increase'),
    ...expect(number < 1n << 159n, NUMBER, 'the number has more than 20 octets'),
  ];
}

function lintRequired(list: TbsCertList, required: Iterable<Uint8Array>): Finding[] {
  const missing = new Set([...required].map(hex));
  if (missing.size === 0) return [];
  for (const { serial } of list.entries) missing.delete(hex(serial));
  return expect(missing.size === 0, REVOKED, `${missing.size} certificates that are revoked are not in the list`);
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
