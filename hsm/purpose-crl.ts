// What a TBSCertList must be before a CA's key signs it: that CA's own, of now, and not for too long.
import type { Finding } from '../src/errors.ts';
import { type DerElement, DerError, readDer } from '../src/x509/der.ts';
import { readAuthorityKeyIdentifier, readUnsigned } from '../src/x509/extension-values.ts';
import { OID } from '../src/x509/oids.ts';
import type { CertListOutline } from './cert-list-stream.ts';
import type { PurposeContext } from './purpose.ts';

const DAY = 86_400_000;
/** Lists of roots are made by hand; those of intermediates by a process that may be taken over. */
const LONGEST_DAYS = { ceremony: 60, service: 10 };
const MOST_NUMBER = 1n << 159n;
const INDIRECT_CRL = 0x84;

/** Extensions that may be critical, because a relying party that does not know them must not use the list. */
const CRITICAL: ReadonlySet<string> = new Set([OID.deltaCRLIndicator, OID.issuingDistributionPoint]);

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const unless = (good: boolean, rule: string, detail: string): Finding[] => (good ? [] : [{ rule, detail }]);

/** Every reason not to sign this list. Throws DerError where an extension is not what it should be. */
export function checkCertList(list: CertListOutline, context: PurposeContext): Finding[] {
  const { key } = context;
  if (key === undefined) return [{ rule: 'what this key is for', detail: 'this key is no CA’s' }];
  // in a ceremony the CA has no certificate yet, and its people answer for the name
  const issuer = 'certificate' in key ? key.certificate.subject : list.issuer;
  return [
    ...unless(
      same(list.signatureAlgorithm, key.algorithmIdentifier),
      'RFC 5280 §5.1.2.2 Signature',
      `the algorithm inside is not ${key.algorithm}, which this key signs with`,
    ),
    ...unless(
      same(list.issuer, issuer),
      'RFC 5280 §5.1.2.3 Issuer Name',
      'the issuer is not, octet for octet, the subject of this CA',
    ),
    ...checkTimes(list, context),
    ...checkExtensions(list, context),
  ];
}

function checkTimes({ thisUpdate, nextUpdate }: CertListOutline, context: PurposeContext): Finding[] {
  const { key, now, toleranceMs } = context;
  const longest = key !== undefined && 'certificate' in key ? LONGEST_DAYS.service : LONGEST_DAYS.ceremony;
  const lasts = nextUpdate.getTime() - thisUpdate.getTime();
  return [
    ...unless(
      Math.abs(thisUpdate.getTime() - now.getTime()) <= toleranceMs,
      'RFC 5280 §5.1.2.4 This Update',
      `thisUpdate is more than ${toleranceMs / 1000} s from the signer's clock`,
    ),
    ...unless(
      lasts > 0 && lasts <= longest * DAY,
      'RFC 5280 §5.1.2.5 Next Update',
      `nextUpdate comes after thisUpdate, and at most ${longest} days after`,
    ),
  ];
}

function checkExtensions({ extensions }: CertListOutline, { keyId }: PurposeContext): Finding[] {
  const extensionValue = (oid: string): Uint8Array | undefined =>
    extensions.find((extension) => extension.oid === oid)?.value;
  for (const { value } of extensions) readDer(value);
  const authority = extensionValue(OID.authorityKeyIdentifier);
  const number = extensionValue(OID.cRLNumber);
  const point = extensionValue(OID.issuingDistributionPoint);
  return [
    ...unless(
      authority !== undefined && same(readAuthorityKeyIdentifier(authority), keyId),
      'RFC 5280 §5.2.1 Authority Key Identifier',
      'the authority key is not the one that is asked to sign',
    ),
    ...unless(
      number !== undefined && readUnsigned(number) < MOST_NUMBER,
      'RFC 5280 §5.2.3 CRL Number',
      'the number is missing, or longer than 20 octets',
    ),
    ...unless(
      extensions.every(({ oid, critical }) => critical === CRITICAL.has(oid)),
      'RFC 5280 §5.2 CRL Extensions',
      'deltaCRLIndicator and issuingDistributionPoint are critical, and nothing else is',
    ),
    ...unless(
      point === undefined || !isIndirect(readDer(point)),
      'RFC 5280 §5.2.5 Issuing Distribution Point',
      'a CA lists its own certificates only',
    ),
  ];
}

function isIndirect(point: DerElement): boolean {
  if (point.tag !== 0x30) throw new DerError('an IssuingDistributionPoint is a SEQUENCE', point.offset);
  return point.children.some(({ tag }) => tag === INDIRECT_CRL);
}
