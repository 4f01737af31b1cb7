// Distinguished names: built from attributes with explicit string types, read strictly, shown as RFC 4514 text.
// Two names are compared by their DER bytes, never by this text.
import { type DerElement, DerError, readObjectIdentifier, TAG } from './der.ts';
import { ia5String, objectIdentifier, printableString, sequence, setOf, utf8String } from './der-writer.ts';
import { OID } from './oids.ts';

export type NameAttribute = {
  /** dotted attribute type */
  readonly type: string;
  readonly value: string;
  /** the ASN.1 string type; `other` is only ever read, never built */
  readonly string: 'printable' | 'utf8' | 'ia5' | 'other';
};

/** One relative distinguished name; more than one attribute where it is multi-valued. */
export type Rdn = readonly NameAttribute[];

/** RDNs in DER order, the country first. */
export type Name = readonly Rdn[];

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 is exactly this range
const IA5 = /^[\x00-\x7f]*$/;

const WRITERS = { utf8: utf8String, printable: printableString, ia5: ia5String };

/**
 * The DER of a Name (RFC 5280 §4.1.2.4 Issuer). RDNs stay in order; attributes of a multi-valued RDN take DER SET OF order.
 * Throws RangeError where a value does not fit the string type that the caller states: that is a bug of the caller.
 */
export function buildName(name: Name): Uint8Array {
  return sequence(
    ...name.map((rdn) => setOf(...rdn.map((attribute) => sequence(objectIdentifier(attribute.type), text(attribute))))),
  );
}

function text({ type, value, string }: NameAttribute): Uint8Array {
  if (string === 'other') throw new TypeError(`attribute ${type} has a string type that is only read`);
  return WRITERS[string](value);
}

/**
 * Reads a Name element of `readDer` (RFC 5280 §4.1.2.4 Issuer). Throws DerError where it is not a Name, where an RDN is empty or
 * not in DER SET OF order, and where the octets are not what the string type allows. An empty Name is a Name.
 */
export function parseName(element: DerElement): Name {
  if (element.tag !== TAG.SEQUENCE) throw new DerError('a Name was expected', element.offset);
  return element.children.map(parseRdn);
}

function parseRdn(rdn: DerElement): Rdn {
  if (rdn.tag !== TAG.SET || rdn.children.length === 0) {
    throw new DerError('a RelativeDistinguishedName is a SET that is not empty', rdn.offset);
  }
  rdn.children.forEach((child, index) => {
    const before = rdn.children[index - 1];
    if (before !== undefined && Buffer.compare(before.bytes, child.bytes) >= 0) {
      throw new DerError('the attributes of an RDN are in DER order, each once', child.offset);
    }
  });
  return rdn.children.map(parseAttribute);
}

function parseAttribute(attribute: DerElement): NameAttribute {
  const [type, value, ...rest] = attribute.children;
  if (attribute.tag !== TAG.SEQUENCE || type === undefined || value === undefined || rest.length > 0) {
    throw new DerError('an attribute is a SEQUENCE of type and value', attribute.offset);
  }
  return { type: readObjectIdentifier(type), ...readText(value) };
}

/** The text of a character string element and its type; throws DerError where the octets are not of that type. */
function readText(value: DerElement): Pick<NameAttribute, 'value' | 'string'> {
  const octets = Buffer.from(value.content.buffer, value.content.byteOffset, value.content.length);
  switch (value.tag) {
    case TAG.PRINTABLE_STRING:
      return { value: checked(octets.toString('latin1'), PRINTABLE, value.offset), string: 'printable' };
    case TAG.IA5_STRING:
      return { value: checked(octets.toString('latin1'), IA5, value.offset), string: 'ia5' };
    case TAG.UTF8_STRING:
      return { value: decode('utf-8', octets, value.offset), string: 'utf8' };
    case TAG.BMP_STRING:
      return { value: decode('utf-16be', octets, value.offset), string: 'other' };
    case TAG.UNIVERSAL_STRING:
      return { value: decodeUniversal(octets, value.offset), string: 'other' };
    case TAG.TELETEX_STRING:
      return { value: octets.toString('latin1'), string: 'other' };
    default:
      throw new DerError('an attribute value is a character string here', value.offset);
  }
}

function checked(value: string, charset: RegExp, at: number): string {
  if (!charset.test(value)) throw new DerError('a character outside the string type', at);
  return value;
}

/** It keeps nothing from one whole text to the next, and takes longer to make than to use. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(encoding: 'utf-8' | 'utf-16be', octets: Uint8Array, at: number): string {
  try {
    const decoder = encoding === 'utf-8' ? UTF8 : new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    return decoder.decode(octets);
  } catch {
    throw new DerError(`these octets are not ${encoding} text`, at);
  }
}

function decodeUniversal(octets: Buffer, at: number): string {
  let value = '';
  if (octets.length % 4 !== 0) throw new DerError('a UniversalString has four octets a character', at);
  for (let index = 0; index < octets.length; index += 4) {
    const point = octets.readUInt32BE(index);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw new DerError('no Unicode character', at);
    value += String.fromCodePoint(point);
  }
  return value;
}

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.surname, 'SN'],
  [OID.serialNumber, 'serialNumber'],
  [OID.countryName, 'C'],
  [OID.localityName, 'L'],
  [OID.stateOrProvinceName, 'ST'],
  [OID.organizationName, 'O'],
  [OID.organizationalUnitName, 'OU'],
  [OID.title, 'title'],
  [OID.givenName, 'GN'],
  [OID.pseudonym, 'pseudonym'],
  [OID.emailAddress, 'emailAddress'],
  [OID.domainComponent, 'DC'],
]);

/**
 * The name as RFC 4514 text, last RDN first. Types without a short name are dotted with a `#hex` value (RFC 4514 §2.4
 * Converting an AttributeValue); control characters are escaped as hexadecimal pairs, so the text is safe in a log line.
 */
export function formatName(name: Name): string {
  return name
    .map((rdn) => rdn.map(formatAttribute).join('+'))
    .reverse()
    .join(',');
}

function formatAttribute(attribute: NameAttribute): string {
  const short = SHORT_NAMES.get(attribute.type);
  if (short !== undefined || attribute.string === 'other')
    return `${short ?? attribute.type}=${escapeText(attribute.value)}`;
  return `${attribute.type}=#${Buffer.from(text(attribute)).toString('hex')}`;
}

function escapeText(value: string): string {
  return value.replace(/^[ #]| $|["+,;<>\\]|\p{Cc}/gu, (character) =>
    /\p{Cc}/u.test(character) ? Buffer.from(character).toString('hex').replace(/../g, '\\$&') : `\\${character}`,
  );
}

/** The value of the first attribute of this type, or undefined. */
export function nameAttribute(name: Name, oid: string): string | undefined {
  return name.flat().find((attribute) => attribute.type === oid)?.value;
}
