// The options that the benches of issuance share.

import { CA_KEYS, type CaKey } from './place.ts';

export const COMMON = {
  seconds: { type: 'string', default: '10' },
  'warm-up': { type: 'string', default: '2' },
  keys: { type: 'string', default: Object.keys(CA_KEYS).join() },
} as const;

/** A number above zero. */
export function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${text} is no number above zero`);
  return number;
}

/** Kinds of CA keys, with commas between. */
export function caKeys(text: string): CaKey[] {
  const isCaKey = (name: string): name is CaKey => Object.hasOwn(CA_KEYS, name);
  const names = text.split(',');
  const keys = names.filter(isCaKey);
  if (keys.length < names.length) throw new Error(`--keys takes some of ${Object.keys(CA_KEYS).join()}`);
  return keys;
}
