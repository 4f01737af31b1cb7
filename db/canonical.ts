// One text for one JSON value, so that a digest over it can be computed again from what the database gives back. Pure.

/** What JSON can say (RFC 8259 §3 Values). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/**
 * Writes a value as RFC 8785 §3.2 Generation of Canonical JSON Data does: no white space, keys sorted by UTF-16 code
 * units, numbers and strings as ECMAScript writes them. Throws TypeError on what JSON cannot say (undefined, NaN, Date,
 * bigint, lone surrogates) rather than dropping it, and on U+0000, which jsonb cannot store.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value === 'string') return canonicalString(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isPlainObject(value)) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${canonicalString(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  throw new TypeError(`JSON has no ${typeof value}`);
}

function isPlainObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('JSON has no infinity and no NaN');
  return JSON.stringify(value);
}

function canonicalString(value: string): string {
  if (!value.isWellFormed() || value.includes('\0')) throw new TypeError('text with a lone surrogate or U+0000');
  return JSON.stringify(value);
}
