// The subject of a request. Nothing of it is believed, but the common name may be used, and all of it may be shown: so every
// attribute's characters are checked, in whatever string type they come.
import { isUtf8 } from 'node:buffer';
import type { CsrFault } from './csr-fault.ts';
import { type DerElement, readObjectIdentifier, TAG } from './der.ts';
import { type Name, parseName } from './names.ts';
import { OID } from './oids.ts';
import { checkText } from './text.ts';

/** RFC 5280 Appendix A.1 Upper Bounds, in characters; the types that stand nowhere else have the bound of a description. */
const UPPER_BOUNDS: ReadonlyMap<string, number> = new Map([
  [OID.countryName, 2],
  [OID.commonName, 64],
  [OID.organizationName, 64],
  [OID.organizationalUnitName, 64],
  [OID.serialNumber, 64],
  [OID.title, 64],
  [OID.localityName, 128],
  [OID.stateOrProvinceName, 128],
  [OID.pseudonym, 128],
  [OID.emailAddress, 255],
]);
const OTHER_BOUND = 1_024;

/** The subject, or what is wrong with its characters (`name_not_allowed`). Throws DerError where it is not a Name. */
export function readSubject(subject: DerElement): { readonly name: Name; readonly faults: readonly CsrFault[] } {
  const faults = subject.children.flatMap((rdn, index) =>
    rdn.children.flatMap((attribute) => checkAttribute(attribute, `certificationRequestInfo.subject.${index}`)),
  );
  // parseName refuses some of what was found as well, but without saying that it is the characters
  return { name: faults.length > 0 ? [] : parseName(subject), faults };
}

function checkAttribute(attribute: DerElement, path: string): CsrFault[] {
  const [type, value] = attribute.children;
  if (type === undefined || value === undefined) return [];
  const at = `${path} @ ${value.offset}`;
  const text = textOf(value);
  if (text === undefined) {
    const detail = 'the octets are not text of the string type that they are said to be';
    return [{ code: 'name_not_allowed', finding: { rule: 'RFC 5280 §4.1.2.4 Issuer', at, detail } }];
  }
  const max = UPPER_BOUNDS.get(readObjectIdentifier(type)) ?? OTHER_BOUND;
  return checkText(text, { max, at }).map((finding) => ({ code: 'name_not_allowed', finding }));
}

/** The text of a string element; undefined where its octets are not of its type. Other elements are parseName's affair. */
function textOf({ tag, content }: DerElement): string | undefined {
  const octets = Buffer.from(content);
  switch (tag) {
    case TAG.UTF8_STRING:
      return isUtf8(octets) ? octets.toString('utf8') : undefined;
    case TAG.PRINTABLE_STRING:
      return within(octets.toString('latin1'), /^[A-Za-z0-9 '()+,\-./:=?]*$/);
    case TAG.IA5_STRING:
      // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 is exactly this range
      return within(octets.toString('latin1'), /^[\x00-\x7f]*$/);
    case TAG.TELETEX_STRING:
      return octets.toString('latin1');
    case TAG.BMP_STRING:
      return octets.length % 2 === 0 ? octets.swap16().toString('utf16le') : undefined;
    case TAG.UNIVERSAL_STRING:
      return octets.length % 4 === 0 ? fromUniversal(octets) : undefined;
    default:
      return '';
  }
}

const within = (text: string, repertoire: RegExp): string | undefined => (repertoire.test(text) ? text : undefined);

function fromUniversal(octets: Buffer): string | undefined {
  const points = Array.from({ length: octets.length / 4 }, (_, index) => octets.readUInt32BE(index * 4));
  return points.every((point) => point <= 0x10ffff)
    ? points.map((point) => String.fromCodePoint(point)).join('')
    : undefined;
}
