// The DER of a structure as an indented list: depth, tag, length and what a primitive holds. It descends into the OCTET STRING of an
// extension, where the value is DER again.

import { type DerElement, DerError, readDer, readObjectIdentifier, TAG } from '../../src/x509/der.ts';
import { wordOf } from './describe.ts';

const TAGS: ReadonlyMap<number, string> = new Map(
  Object.entries(TAG).map(([name, tag]) => [tag, name.replaceAll('_', ' ')]),
);
const TEXT: readonly number[] = [
  TAG.PRINTABLE_STRING,
  TAG.UTF8_STRING,
  TAG.IA5_STRING,
  TAG.UTC_TIME,
  TAG.GENERALIZED_TIME,
];
const LONGEST_HEX = 32;

/** One line for each element, in order. */
export const outline = (der: Uint8Array): string[] => linesOf(readDer(der), 0);

function linesOf(element: DerElement, depth: number): string[] {
  const line = `${'  '.repeat(depth)}${nameOf(element.tag)} ${element.content.length}`;
  if (element.children.length > 0) return [line, ...element.children.flatMap((child) => linesOf(child, depth + 1))];
  const inner = element.tag === TAG.OCTET_STRING ? innerOf(element) : undefined;
  return inner === undefined ? [`${line} ${textOf(element)}`] : [line, ...linesOf(inner, depth + 1)];
}

const nameOf = (tag: number): string => TAGS.get(tag) ?? `[${tag & 0x1f}]`;

function innerOf(element: DerElement): DerElement | undefined {
  try {
    return readDer(element.content);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function textOf(element: DerElement): string {
  const { tag, content } = element;
  if (tag === TAG.OBJECT_IDENTIFIER) {
    const oid = readObjectIdentifier(element);
    return wordOf(oid) === oid ? oid : `${oid} ${wordOf(oid)}`;
  }
  const text = Buffer.from(content).toString();
  const contextual = (tag & 0xe0) === 0x80 && /^[\x20-\x7e]{4,}$/.test(text);
  if (TEXT.includes(tag) || contextual) return text;
  const hex = Buffer.from(content).toString('hex');
  return content.length > LONGEST_HEX ? `${hex.slice(0, 2 * LONGEST_HEX)}…` : hex;
}
