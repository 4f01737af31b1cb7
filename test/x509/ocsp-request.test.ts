import { describe, expect, it } from 'vitest';
import { DerError } from '../../src/x509/der.ts';
import {
  element,
  explicit,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/x509/der-writer.ts';
import { type Extension, encodeExtensions } from '../../src/x509/extensions.ts';
import { certIdFor, MAX_CERT_IDS, parseOcspRequest } from '../../src/x509/ocsp.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import { hex, newBranch, SERIAL, toHex } from './branch.ts';
import { judge, madeBy } from './judges.ts';

const { ca, server } = newBranch('P-256');
const CERT_ID = certIdFor(ca.certificate.subject, ca.certificate.spki, SERIAL);

const requestList = (...certIds: Uint8Array[]): Uint8Array => sequence(...certIds.map((certId) => sequence(certId)));
const request = (...certIds: Uint8Array[]): Uint8Array => sequence(sequence(requestList(...certIds)));
const requestWith = (...extensions: Extension[]): Uint8Array =>
  sequence(sequence(requestList(CERT_ID), explicit(2, encodeExtensions(extensions))));
const nonce = (value: Uint8Array, critical = false): Extension => ({ oid: OID.ocspNonce, critical, value });
const unknown = (critical: boolean): Extension => ({ oid: '1.2.3', critical, value: NULL });
const certId = (...parts: Uint8Array[]): Uint8Array => request(sequence(...parts));
const SHA1 = sequence(objectIdentifier(OID.sha1), NULL);
const HASH = octetString(new Uint8Array(20));

describe('an OCSP request', () => {
  it('of OpenSSL is read, and its CertIDs are those that we compute', () => {
    const files = {
      'ca.pem': toPem('CERTIFICATE', ca.certificate.der),
      'server.pem': toPem('CERTIFICATE', server.certificate.der),
    };
    const der = madeBy(
      'openssl',
      files,
      'r.der',
      'ocsp',
      '-issuer',
      'ca.pem',
      '-cert',
      'server.pem',
      '-sha256',
      '-serial',
      '255',
      '-reqout',
      'r.der',
    );
    const { certIds, nonce } = parseOcspRequest(der);
    const { subject, spki } = ca.certificate;
    expect(certIds.map((id) => toHex(id.der))).toEqual([
      toHex(certIdFor(subject, spki, SERIAL)),
      toHex(certIdFor(subject, spki, hex('00 ff'), 'sha256')),
    ]);
    expect(judge('openssl', { 'r.der': der }, 'ocsp', '-reqin', 'r.der', '-req_text')).toContain(
      Buffer.from(nonce ?? [])
        .toString('hex')
        .toUpperCase(),
    );
  });

  it('keeps the DER of each CertID, whatever its hash and whether or not it says NULL', () => {
    const other = sequence(
      sequence(objectIdentifier('1.2.3')),
      octetString(hex('01')),
      octetString(hex('02')),
      integer(5),
    );
    const parsed = parseOcspRequest(request(CERT_ID, other));
    expect(parsed.certIds.map(({ der, hashAlgorithm }) => [toHex(der), hashAlgorithm])).toEqual([
      [toHex(CERT_ID), OID.sha1],
      [toHex(other), '1.2.3'],
    ]);
    expect(parsed.certIds[0]?.serial).toEqual(SERIAL);
    expect(parsed.nonce).toBeUndefined();
  });

  it.each([1, 32, 33, 128])('may have a nonce of %d octets, critical or not', (octets) => {
    const value = octetString(new Uint8Array(octets).fill(7));
    expect(parseOcspRequest(requestWith(nonce(value))).nonce).toHaveLength(octets);
    expect(parseOcspRequest(requestWith(nonce(value, true))).nonce).toHaveLength(octets);
  });

  it('may have other extensions that are not critical, and a requestorName', () => {
    const named = sequence(sequence(explicit(1, element(0x82, hex('6161'))), requestList(CERT_ID)));
    const single = sequence(sequence(sequence(sequence(CERT_ID, explicit(0, encodeExtensions([unknown(false)]))))));
    for (const der of [named, single, requestWith(unknown(false))])
      expect(parseOcspRequest(der).certIds).toHaveLength(1);
  });

  it(`names at most ${MAX_CERT_IDS} certificates`, () => {
    const ids = Array.from({ length: MAX_CERT_IDS + 1 }, () => CERT_ID);
    expect(parseOcspRequest(request(...ids.slice(1))).certIds).toHaveLength(MAX_CERT_IDS);
    expect(() => parseOcspRequest(request(...ids))).toThrow(DerError);
  });

  it('with 10,000 CertIDs costs no more than reaching the limit', () => {
    const many = request(...Array.from({ length: 10_000 }, () => CERT_ID));
    expect(() => parseOcspRequest(many)).toThrow(/more than 16384 bytes/);
    const small = request(...Array.from({ length: 1_000 }, () => sequence()));
    expect(() => parseOcspRequest(small)).toThrow(/too many elements/);
  });

  it.each([
    ['nothing to ask', request()],
    ['a signature', sequence(sequence(requestList(CERT_ID)), explicit(0, sequence()))],
    ['the default version written', sequence(sequence(explicit(0, integer(0)), requestList(CERT_ID)))],
    ['version 2', sequence(sequence(explicit(0, integer(1)), requestList(CERT_ID)))],
    ['an empty requestorName', sequence(sequence(explicit(1), requestList(CERT_ID)))],
    ['an unknown critical extension', requestWith(unknown(true))],
    [
      'an unknown critical extension of one CertID',
      sequence(sequence(sequence(sequence(CERT_ID, explicit(0, encodeExtensions([unknown(true)])))))),
    ],
    ['an extension that stands twice', requestWith(unknown(false), unknown(false))],
    ['an empty nonce', requestWith(nonce(octetString(new Uint8Array())))],
    ['a nonce of 129 octets', requestWith(nonce(octetString(new Uint8Array(129))))],
    ['a nonce that is no OCTET STRING', requestWith(nonce(integer(7)))],
    ['a nonce of bare octets', requestWith(nonce(hex('ff')))],
    ['a hash with parameters', certId(sequence(objectIdentifier(OID.sha1), integer(1)), HASH, HASH, integer(1))],
    ['a hash without an OID', certId(sequence(), HASH, HASH, integer(1))],
    ['a missing hash', certId(SHA1, HASH, integer(1))],
    ['a serial of 22 octets', certId(SHA1, HASH, HASH, integer(new Uint8Array(22).fill(1)))],
    ['a serial that is no INTEGER', certId(SHA1, HASH, HASH, HASH)],
    ['a CertID of five parts', certId(SHA1, HASH, HASH, integer(1), NULL)],
    ['a field too many', sequence(sequence(requestList(CERT_ID), NULL))],
    ['octets after it', Buffer.concat([request(CERT_ID), Uint8Array.of(0)])],
    ['nothing at all', new Uint8Array()],
  ])('is refused with %s', (_, der) => {
    expect(() => parseOcspRequest(der)).toThrow(DerError);
  });
});
