// What a request asks for beside its key: the attributes, and the extensions in the one extensionRequest. Nothing is ever copied
// from here but DNS names; whatever would make a certificate more than an end entity's is refused, not ignored.

import type { CsrFault } from './csr-fault.ts';
import { type AlternativeNames, readAlternativeNames } from './csr-names.ts';
import { type DerElement, DerError, readObjectIdentifier, TAG } from './der.ts';
import {
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
  readSubjectKeyIdentifier,
} from './extension-values.ts';
import { type Extension, parseExtensions } from './extensions.ts';
import { OID } from './oids.ts';

/** Windows wrote its own attribute before it took that of PKCS #9; OpenSSL reads both, so both count as the one request. */
const REQUESTS: ReadonlySet<string> = new Set([OID.extensionRequest, OID.msExtensionRequest]);

const PATH = 'certificationRequestInfo.attributes';
const SINGLE = 'RFC 2985 §5.4.2 Extension request';
const EXTENSIONS = 'RFC 5280 §4.2 Certificate Extensions';

type RequestedExtensions = AlternativeNames & {
  readonly extensions: readonly Extension[];
  readonly faults: readonly CsrFault[];
};

/**
 * Reads `[0] IMPLICIT SET OF Attribute` (RFC 2986 §4.1 CertificationRequestInfo). Attributes other than the extension request
 * (challengePassword, unstructuredName, Microsoft's) are ignored if they are well-formed. Throws DerError where the set is not
 * in DER order: openssl, certtool, keytool and Go's x509 all sort it.
 */
export function readAttributes(attributes: DerElement): RequestedExtensions {
  if (attributes.tag !== 0xa0) throw new DerError('attributes [0] were expected', attributes.offset);
  checkOrder(attributes.children);
  const requests = attributes.children.map(readAttribute).filter(({ type }) => REQUESTS.has(type));
  const lists = requests.flatMap(({ values }) => values);
  const [, second] = lists;
  const single =
    second === undefined
      ? []
      : [notAllowed(SINGLE, `${PATH} @ ${second.offset}`, 'there is more than one list of extensions')];
  const read = readExtensions(lists.flatMap(listed));
  return { ...read, faults: [...single, ...read.faults] };
}

/** X.690 §11.6 Set-of components. The same attribute twice is left to the rules about what it says. */
function checkOrder(elements: readonly DerElement[]): void {
  elements.forEach((element, index) => {
    const before = elements[index - 1];
    if (before !== undefined && Buffer.compare(before.bytes, element.bytes) > 0) {
      throw new DerError('a SET OF is in ascending order', element.offset);
    }
  });
}

/** `Attribute ::= SEQUENCE { type OBJECT IDENTIFIER, values SET SIZE(1..MAX) OF ANY }` */
function readAttribute(attribute: DerElement): { type: string; values: readonly DerElement[] } {
  const [type, values, ...rest] = attribute.children;
  if (attribute.tag !== TAG.SEQUENCE || type === undefined || values?.tag !== TAG.SET || rest.length > 0) {
    throw new DerError('an attribute is a SEQUENCE of type and a SET of values', attribute.offset);
  }
  if (values.children.length === 0) throw new DerError('an attribute has at least one value', values.offset);
  checkOrder(values.children);
  return { type: readObjectIdentifier(type), values: values.children };
}

/** The Extension elements of a list, each with the list around it so that parseExtensions takes it alone. */
function listed(list: DerElement): DerElement[] {
  if (list.tag !== TAG.SEQUENCE || list.children.length === 0) {
    throw new DerError('Extensions is a SEQUENCE that is not empty', list.offset);
  }
  return list.children.map((child) => ({ ...list, offset: child.offset, children: [child] }));
}

function readExtensions(alone: readonly DerElement[]): RequestedExtensions {
  const extensions: Extension[] = [];
  const faults: CsrFault[] = [];
  const seen = new Set<string>();
  let names: AlternativeNames = { dnsNames: [], emailAddresses: [], otherNames: [] };
  for (const list of alone) {
    const [extension] = parseExtensions(list);
    if (extension === undefined) continue;
    const at = `${PATH}.${extension.oid} @ ${list.offset}`;
    if (seen.has(extension.oid)) faults.push(notAllowed(EXTENSIONS, at, 'an extension stands twice'));
    seen.add(extension.oid);
    extensions.push(extension);
    try {
      if (extension.oid === OID.subjectAltName) {
        const read = readAlternativeNames(extension.value, at);
        names = read;
        faults.push(...read.faults);
      } else faults.push(...checkExtension(extension, at));
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      // the offset counts from the beginning of extnValue
      const detail = `${error.message}, ${error.offset} octets into the value`;
      faults.push({ code: 'csr_malformed', finding: { rule: EXTENSIONS, at, detail } });
    }
  }
  const { dnsNames, emailAddresses, otherNames } = names;
  return { extensions, dnsNames, emailAddresses, otherNames, faults };
}

const REMEDY = 'leave it out: the profile decides what the certificate is for';

/** What no request may ask for. Throws DerError where the value is not what the extension holds. */
function checkExtension({ oid, critical, value }: Extension, at: string): CsrFault[] {
  switch (oid) {
    case OID.basicConstraints:
      return readBasicConstraints(value).ca
        ? [notAllowed('RFC 5280 §4.2.1.9 Basic Constraints', at, 'cA TRUE is asked for', REMEDY)]
        : [];
    case OID.keyUsage:
      return readKeyUsage(value)
        .filter((usage) => usage === 'keyCertSign' || usage === 'cRLSign')
        .map((usage) => notAllowed('RFC 5280 §4.2.1.3 Key Usage', at, `${usage} is asked for`, REMEDY));
    case OID.extKeyUsage:
      return readExtendedKeyUsage(value).includes(OID.OCSPSigning)
        ? [notAllowed('RFC 5280 §4.2.1.12 Extended Key Usage', at, 'OCSPSigning is asked for', REMEDY)]
        : [];
    case OID.subjectKeyIdentifier:
      readSubjectKeyIdentifier(value);
      return [];
    default:
      return critical ? [notAllowed(EXTENSIONS, at, 'a critical extension that is not known here', REMEDY)] : [];
  }
}

const notAllowed = (
  rule: string,
  at: string,
  detail: string,
  remedy = 'make a new request with each extension once',
): CsrFault => ({
  code: 'csr_extension_not_allowed',
  finding: { rule, at, detail, remedy },
});
