// What the key of an end entity may be for, by the signer's own list: it knows no policy file, and a caller that was taken over
// cannot bring one. Whole combinations, so that nothing mixes signature, authentication and encryption.
import type { Finding } from '../src/errors.ts';
import { type Certificate, extensionOf } from '../src/x509/certificate.ts';
import {
  extendedKeyUsageOf,
  keyUsageOf,
  readPrivateKeyUsagePeriod,
  readSubjectAltName,
} from '../src/x509/extension-values.ts';
import type { KeyUsageName } from '../src/x509/extensions.ts';
import { keyAlgorithmOf } from '../src/x509/keys.ts';
import { OID } from '../src/x509/oids.ts';

type Subject = Pick<Certificate, 'extensions' | 'notBefore' | 'notAfter' | 'spki'>;
type NameKind = 'dns' | 'rfc822Name' | 'upn';

type Allowed = {
  readonly usages: readonly KeyUsageName[];
  readonly purposes: readonly string[];
  /** the kinds of subjectAltName, one at a time; `none` is a certificate without */
  readonly names: readonly (NameKind | 'none')[];
  /** a key that binds its holder says for how long */
  readonly period?: true;
};

const TLS_SERVER = [OID.serverAuth, OID.clientAuth];
const MAIL = [OID.emailProtection];

const FUNCTIONS: readonly Allowed[] = [
  { usages: ['digitalSignature'], purposes: [OID.clientAuth], names: ['none'] },
  { usages: ['digitalSignature'], purposes: [OID.clientAuth, OID.msSmartcardLogin], names: ['upn'] },
  { usages: ['digitalSignature', 'keyEncipherment'], purposes: TLS_SERVER, names: ['dns'] },
  { usages: ['digitalSignature'], purposes: TLS_SERVER, names: ['dns'] },
  { usages: ['digitalSignature', 'nonRepudiation'], purposes: MAIL, names: ['none', 'dns'], period: true },
  { usages: ['nonRepudiation'], purposes: MAIL, names: ['none', 'rfc822Name'], period: true },
  { usages: ['digitalSignature'], purposes: MAIL, names: ['rfc822Name'] },
  { usages: ['keyEncipherment'], purposes: MAIL, names: ['none', 'dns', 'rfc822Name'] },
];

/** Every extension that an end entity may have; the one of responders is judged with their duty. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
  OID.keyUsage,
  OID.certificatePolicies,
  OID.extKeyUsage,
  OID.privateKeyUsagePeriod,
  OID.subjectAltName,
  OID.cRLDistributionPoints,
  OID.freshestCRL,
  OID.authorityInfoAccess,
  OID.productCategory,
  OID.cardType,
  OID.cardNumber,
  OID.profession,
]);

const ONE_FUNCTION = 'one function for each certificate (CGU 2023 §5)';

/** Every reason not to sign this for what its key may be used for. Throws DerError where an extension cannot be read. */
export function checkFunction(subject: Subject): Finding[] {
  const { extensions, notBefore, notAfter } = subject;
  const unknown = extensions.filter(({ oid }) => !EXTENSIONS.has(oid));
  const period = extensionOf(subject, OID.privateKeyUsagePeriod);
  const used = period === undefined ? undefined : readPrivateKeyUsagePeriod(period.value);
  const found: Finding[] = unknown.map(({ oid }) => ({
    rule: 'RFC 5280 §4.2 Certificate Extensions',
    detail: `extension ${oid} is in no certificate of an end entity`,
  }));
  if (!FUNCTIONS.some((one) => fits(one, subject))) {
    found.push({ rule: ONE_FUNCTION, detail: 'usages, purposes, names and period of use are those of no function' });
  }
  if (used !== undefined && (used.notBefore < notBefore || used.notAfter > notAfter)) {
    const rule = 'RFC 3280 §4.2.1.4 Private Key Usage Period';
    found.push({ rule, detail: 'the key may be used beyond the validity' });
  }
  return found;
}

function fits(one: Allowed, subject: Subject): boolean {
  const { extensions, spki } = subject;
  const usages = keyUsageOf(extensions);
  return (
    same(one.usages, usages) &&
    same(one.purposes, extendedKeyUsageOf(extensions)) &&
    (one.period === true) === (extensionOf(subject, OID.privateKeyUsagePeriod) !== undefined) &&
    one.names.some((kind) => kind === namesOf(subject)) &&
    // RFC 5480 §3 Key Usage Bits: an EC key does not encipher
    (!usages.includes('keyEncipherment') || keyAlgorithmOf(spki)?.type === 'rsa')
  );
}

/** The kind of the alternative names; `mixed` for more than one kind, or one that is never written here. */
function namesOf(subject: Subject): NameKind | 'none' | 'mixed' {
  const value = extensionOf(subject, OID.subjectAltName)?.value;
  if (value === undefined) return 'none';
  const kinds = new Set(readSubjectAltName(value).map((name) => Object.keys(name)[0]));
  const [kind] = kinds;
  return kinds.size === 1 && (kind === 'dns' || kind === 'rfc822Name' || kind === 'upn') ? kind : 'mixed';
}

const same = (wanted: readonly string[], found: readonly string[]): boolean =>
  wanted.length === found.length && wanted.every((one) => found.includes(one));
