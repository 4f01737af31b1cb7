// The name under which a directory finds a certificate, and what a caller types to find it: both folded alike.

import { type Name, nameAttribute } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';

const LONGEST = 160;

/** Lower case, without accents and marks, one space between words. */
export const foldName = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[\s'’-]+/gu, ' ')
    .trim()
    .slice(0, LONGEST);

/** Of a person surname and given name, else the CN; empty where that is a mailbox. */
export function soughtNameOf(subject: Name, { commonName }: { readonly commonName?: string }): string {
  const surname = nameAttribute(subject, OID.surname);
  const name = surname === undefined ? commonName : `${surname} ${nameAttribute(subject, OID.givenName) ?? ''}`;
  return foldName(name ?? '');
}
