// Which characters may stand in a name that people and programs will trust. One rule for every name, whoever supplies it:
// what cannot be seen, what changes how its neighbours are read, and what Unicode writes in two ways is refused, never repaired.
import type { Finding } from '../errors.ts';

type TextLimits = {
  /** characters (code points) at most */
  readonly max: number;
  /** the rule that sets `max`; the upper bounds of RFC 5280 where it is left out */
  readonly rule?: string;
  /** where the text stands, for the findings */
  readonly at?: string;
};

type Forbidden = { readonly what: string; readonly pattern: RegExp; readonly rule: string };

const MAP = 'RFC 4518 §2.2 Map';
const PROHIBIT = 'RFC 4518 §2.4 Prohibit';

/** Disjoint sets, so that one character makes one finding. What RFC 4518 would map away or to a space, is not let in. */
const FORBIDDEN: readonly Forbidden[] = [
  { what: 'a NUL character', pattern: /\0/v, rule: MAP },
  { what: 'a control character', pattern: /[\p{Cc}--\0]/v, rule: MAP },
  {
    what: 'a character that changes the direction of writing',
    pattern: /\p{Bidi_Control}/v,
    rule: 'RFC 4518 §2.5 Check bidi',
  },
  {
    // zero-width joiners and spaces, soft hyphen, variation selectors, tags, Hangul fillers, BOM; U+2800 is a blank that Unicode
    // counts among the symbols
    what: 'a character of no width or no ink',
    pattern: /[[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]--\p{Bidi_Control}]/v,
    rule: MAP,
  },
  { what: 'white space other than the plain space', pattern: /[[\p{Zs}\p{Zl}\p{Zp}]--[ ]]/v, rule: MAP },
  { what: 'a lone surrogate', pattern: /\p{Cs}/v, rule: PROHIBIT },
  { what: 'the replacement character, the trace of a wrong decoding', pattern: /\ufffd/v, rule: PROHIBIT },
  {
    what: 'a character that Unicode does not define',
    pattern: /[[\p{Cn}\p{Co}]--\p{Default_Ignorable_Code_Point}]/v,
    rule: PROHIBIT,
  },
];

/**
 * Every reason why this text may not be shown as part of a name: too long, NUL, control, bidirectional, zero-width, other
 * spaces, lone surrogates, undefined characters, not in normalisation form C. Empty array = nothing wrong. The findings name
 * code points and positions, never the text. A text beyond `max` is not looked into: the work stays bounded.
 */
export function checkText(
  value: string,
  { max, rule = 'RFC 5280 Appendix A.1 Upper Bounds', at }: TextLimits,
): Finding[] {
  const place = at === undefined ? {} : { at };
  if (longerThan(value, max)) {
    return [{ rule, ...place, detail: `more than ${max} characters` }];
  }
  const findings: Finding[] = [];
  for (const { what, pattern, rule: broken } of FORBIDDEN) {
    const found = pattern.exec(value);
    if (found !== null) findings.push({ rule: broken, ...place, detail: `${what}: ${codePoint(found)}` });
  }
  if (value.isWellFormed() && value.normalize('NFC') !== value) {
    findings.push({
      rule: 'UAX #15 Unicode Normalization Forms',
      ...place,
      detail: 'the text is not in normalisation form C',
      remedy: 'write accented letters as one character',
    });
  }
  return findings;
}

function longerThan(value: string, max: number): boolean {
  if (value.length <= max) return false;
  // a code point has at most two code units
  return value.length > 2 * max || [...value].length > max;
}

function codePoint({ 0: character, index, input }: RegExpExecArray): string {
  const number = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${number} as character ${[...input.slice(0, index)].length + 1}`;
}
