// What a certificate is found by in a certificate store (RFC 4387 §2.2 Attribute Types: X.509).
import { createHash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { integer, sequence } from './der-writer.ts';
import { readSubjectAltName, readSubjectKeyIdentifier } from './extension-values.ts';
import { nameAttribute } from './names.ts';
import { OID } from './oids.ts';

/** Search keys of 20 octets, and the texts that stand in the certificate as they are. */
export type StoreKeys = {
  readonly certificate: Uint8Array;
  /** of the subject's Name */
  readonly subject: Uint8Array;
  /** of the issuer's Name */
  readonly issuer: Uint8Array;
  /** of the IssuerAndSerialNumber (RFC 5652 §10.2.4) */
  readonly issuerAndSerial: Uint8Array;
  /** of the subject key identifier's octets; absent without that extension */
  readonly keyIdentifier?: Uint8Array;
  /** the subject's CN, unless it is a mailbox */
  readonly commonName?: string;
  readonly hosts: readonly string[];
  /** those of the subject, and of the subject alternative names */
  readonly mailboxes: readonly string[];
};

/** The search key of binary data: SHA-1, which names here and vouches for nothing (RFC 4387 §2.1). */
const storeKey = (octets: Uint8Array): Uint8Array => createHash('sha1').update(octets).digest();

/** Throws DerError where an extension is not what this authority writes. */
export function storeKeysOf(certificate: Certificate): StoreKeys {
  const extensionValue = (oid: string): Uint8Array | undefined =>
    certificate.extensions.find((extension) => extension.oid === oid)?.value;
  const keyIdentifier = extensionValue(OID.subjectKeyIdentifier);
  const names = extensionValue(OID.subjectAltName);
  const alternatives = names === undefined ? [] : readSubjectAltName(names);
  const commonName = nameAttribute(certificate.subjectName, OID.commonName) ?? '';
  const isMailbox = commonName.includes('@');
  return {
    certificate: storeKey(certificate.der),
    subject: storeKey(certificate.subject),
    issuer: storeKey(certificate.issuer),
    issuerAndSerial: storeKey(sequence(certificate.issuer, integer(certificate.serial))),
    ...(keyIdentifier === undefined ? {} : { keyIdentifier: storeKey(readSubjectKeyIdentifier(keyIdentifier)) }),
    ...(commonName === '' || isMailbox ? {} : { commonName }),
    hosts: alternatives.flatMap((name) => ('dns' in name ? [name.dns] : [])),
    mailboxes: mailboxesOf(certificate),
  };
}

const MAILBOX = /^[^\s@]+@[^\s@]+$/;

/**
 * The mailboxes that a certificate holds: what stands for one in the subject, with a CN that only looks like one, and those of the
 * subject alternative names. Throws DerError where that extension is not what this authority writes.
 */
export function mailboxesOf({ subjectName, extensions }: Pick<Certificate, 'subjectName' | 'extensions'>): string[] {
  const inSubject = subjectName
    .flat()
    .filter(({ type, value }) => MAILBOX.test(value) || (type === OID.commonName && value.includes('@')))
    .map(({ value }) => value);
  const names = extensions.find(({ oid }) => oid === OID.subjectAltName)?.value;
  const alternatives = names === undefined ? [] : readSubjectAltName(names);
  return [
    ...new Set([...inSubject, ...alternatives.flatMap((name) => ('rfc822Name' in name ? [name.rfc822Name] : []))]),
  ];
}
