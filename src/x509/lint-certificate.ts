// The last look at a certificate before a token signs it: the bytes are read anew and held against what was decided, without
// trust in the builders. One of the three makers of Signable.
import type { Finding } from '../errors.ts';
import { type Certificate, extensionOf } from './certificate.ts';
import { type DerElement, DerError, readDer, TAG } from './der.ts';
import { isCa, keyUsageOf, readSubjectKeyIdentifier } from './extension-values.ts';
import { keyIdentifier } from './keys.ts';
import type { ExpectedExtension, ExpectedExtensions, ExpectedValues } from './lint-extension-values.ts';
import { lintExtensions } from './lint-extensions.ts';
import { type ExpectedFields, lintFields, type TbsFields } from './lint-fields.ts';
import { expect, type Rule, reading } from './lint-finding.ts';
import { type Name, nameAttribute, parseName } from './names.ts';
import { OID } from './oids.ts';
import { type Signable, settle } from './signable.ts';

/** All that is decided of an end entity's certificate but its serial number. */
export type ExpectedCertificate = ExpectedValues & {
  /** the certificate of the CA that signs */
  readonly issuer: Certificate;
  /** DER of the subject's Name and of its key */
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** every extension, in DER order */
  readonly extensions: readonly ExpectedExtension[];
};

/** All that is decided of a CA's certificate but its serial number; a root has neither issuer nor crlUris. */
export type ExpectedCaCertificate = {
  /** the certificate of the root, for an intermediate */
  readonly issuer?: Certificate | undefined;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly policy: { readonly oid: string; readonly cpsUri: string };
  /** HTTP, then LDAP: where the root's CRL is; for an intermediate */
  readonly crlUris?: readonly string[] | undefined;
};

type Expected = { readonly fields: ExpectedFields; readonly extensions: ExpectedExtensions };

/**
 * Makes a Signable of an end entity's TBSCertificate that is DER and says exactly what is expected.
 * Throws Refusal `lint_failed` with every finding.
 */
export function lintCertificate(tbs: Uint8Array, expected: ExpectedCertificate): Signable {
  const { issuer, extensions, ...rest } = expected;
  const findings = lintTbs(tbs, {
    fields: { ...rest, issuer, selfSigned: false },
    extensions: {
      list: extensions,
      values: rest,
      basicConstraints: { ca: false },
      ...keyIdentifiers(expected.spki, issuer),
      commonName: commonNameOf(expected.subject),
    },
  });
  return settle('certificate', tbs, [...lintIssuer(issuer), ...findings]);
}

/** The extensions of the CAs, in their order; an intermediate has the fourth. */
const CA_EXTENSIONS: readonly ExpectedExtension[] = [
  { oid: OID.basicConstraints, critical: true },
  { oid: OID.keyUsage, critical: true },
  { oid: OID.certificatePolicies, critical: false },
  { oid: OID.cRLDistributionPoints, critical: false },
  { oid: OID.subjectKeyIdentifier, critical: false },
  { oid: OID.authorityKeyIdentifier, critical: false },
];

/**
 * Makes a Signable of the TBSCertificate of a root (no `issuer`: signed with its own key, no pathLen, no pointers) or of an
 * intermediate (pathLen 0, pointers to the root's CRL). Throws Refusal `lint_failed` with every finding.
 */
export function lintCaCertificate(tbs: Uint8Array, expected: ExpectedCaCertificate): Signable {
  const { issuer, policy, crlUris, ...fields } = expected;
  const root = issuer === undefined;
  const findings = lintTbs(tbs, {
    fields: { ...fields, issuer: issuer ?? fields, selfSigned: root },
    extensions: {
      list: root ? CA_EXTENSIONS.filter(({ oid }) => oid !== OID.cRLDistributionPoints) : CA_EXTENSIONS,
      values: { keyUsage: ['keyCertSign', 'cRLSign'], policy, crlUris },
      basicConstraints: root ? { ca: true } : { ca: true, pathLen: 0 },
      ...keyIdentifiers(expected.spki, issuer),
      commonName: undefined,
    },
  });
  return settle('certificate', tbs, [...(root ? [] : lintIssuer(issuer)), ...findings]);
}

function keyIdentifiers(
  spki: Uint8Array,
  issuer: Certificate | undefined,
): Pick<ExpectedExtensions, 'subjectKeyIdentifier' | 'authorityKeyIdentifier'> {
  const own = keyIdentifier(spki);
  const carried = issuer && extensionOf(issuer, OID.subjectKeyIdentifier);
  const authority = issuer === undefined ? own : carried && readSubjectKeyIdentifier(carried.value);
  return { subjectKeyIdentifier: own, authorityKeyIdentifier: authority ?? new Uint8Array() };
}

function commonNameOf(subject: Uint8Array): string | undefined {
  const name: Name = parseName(readDer(subject));
  return nameAttribute(name, OID.commonName);
}

const ISSUER: Rule = {
  rule: 'RFC 5280 §4.2.1.9 Basic Constraints, §4.2.1.3 Key Usage',
  at: 'issuer',
  remedy: 'sign with a certification authority',
};

const lintIssuer = ({ extensions }: Certificate): Finding[] =>
  reading(ISSUER, () =>
    expect(
      isCa(extensions) && keyUsageOf(extensions).includes('keyCertSign'),
      ISSUER,
      'the issuer is no CA that signs certificates',
    ),
  );

const STRUCTURE: Rule = {
  rule: 'RFC 5280 §4.1 Basic Certificate Fields',
  at: 'tbsCertificate',
  remedy: 'write version, the six fields and the extensions, and no unique identifiers (§4.1.2.8)',
};
const DER: Rule = {
  rule: 'X.690 §10 Distinguished encoding rules',
  at: 'tbsCertificate',
  remedy: 'write every element with der.ts',
};

function lintTbs(tbs: Uint8Array, expected: Expected): Finding[] {
  let whole: DerElement;
  try {
    whole = readDer(tbs);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return [{ ...DER, at: `tbsCertificate @ ${error.offset}`, detail: error.message }];
  }
  const fields = splitFields(whole);
  if (fields === undefined) return expect(false, STRUCTURE, 'this is not version, six fields and extensions');
  return [...lintFields(fields, expected.fields), ...lintExtensions(fields.extensions, expected.extensions)];
}

function splitFields(whole: DerElement): TbsFields | undefined {
  const [version, serialNumber, signature, issuer, validity, subject, key, extensions, ...rest] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || version === undefined || serialNumber === undefined || signature === undefined)
    return undefined;
  if (issuer === undefined || validity === undefined || subject === undefined || key === undefined) return undefined;
  if (extensions === undefined || rest.length > 0) return undefined;
  return { version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo: key, extensions };
}
