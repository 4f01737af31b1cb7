import { OCSPResponse } from 'pkijs';
import { describe, expect, it } from 'vitest';
import { verifySignature } from '../../src/x509/algorithms.ts';
import { DerError } from '../../src/x509/der.ts';
import {
  element,
  enumerated,
  explicit,
  generalizedTime,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/x509/der-writer.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import {
  assembleOcspResponse,
  buildResponseData,
  certIdFor,
  type OcspError,
  type OcspStatus,
  ocspErrorResponse,
} from '../../src/x509/ocsp.ts';
import { parseOcspResponse, parseResponseData } from '../../src/x509/ocsp-response.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import { at, FROM, hex, newBranch, SERIAL, toHex } from './branch.ts';
import { judge } from './judges.ts';

const { root, ca, responder, server } = newBranch('rsa');
const CERT_ID = certIdFor(ca.certificate.subject, ca.certificate.spki, SERIAL);
const NEXT = at('2026-03-16T10:44:50');
const REVOKED = at('2026-03-10T23:00:00');
const NONCE = hex('000102030405060708090a0b0c0d0e0f');

const dataFor = (status: OcspStatus, nonce?: Uint8Array): Uint8Array =>
  buildResponseData({
    responderKeyHash: keyIdentifier(responder.key.spki),
    producedAt: FROM,
    responses: [{ certIdDer: CERT_ID, status, thisUpdate: FROM, ...('unknown' in status ? {} : { nextUpdate: NEXT }) }],
    ...(nonce === undefined ? {} : { nonce }),
  });
const answer = (status: OcspStatus, nonce?: Uint8Array): Uint8Array => {
  const responseData = dataFor(status, nonce);
  const { algorithm } = responder.key;
  const signature = responder.key.sign(responseData);
  return assembleOcspResponse({ responseData, algorithm, signature, certificates: [responder.certificate.der] });
};
const STATUSES: [string, OcspStatus][] = [
  ['good', { good: true }],
  ['revoked', { revoked: REVOKED }],
  ['unknown', { unknown: true }],
];

it('ResponseData is exactly these octets', () => {
  const data = buildResponseData({
    responderKeyHash: hex('aabb'),
    producedAt: FROM,
    responses: [
      { certIdDer: hex('30 00'), status: { good: true }, thisUpdate: FROM, nextUpdate: NEXT },
      { certIdDer: hex('30 00'), status: { revoked: REVOKED }, thisUpdate: FROM },
      { certIdDer: hex('30 00'), status: { unknown: true }, thisUpdate: FROM },
    ],
    nonce: hex('07'),
  });
  const from = '18 0f 32303236303331363039343435305a';
  // written by hand from RFC 6960 §4.2.1
  expect(toHex(data)).toBe(
    toHex(
      hex(`30 81 98
        a2 04 04 02 aabb
        ${from}
        30 69
          30 28 30 00 80 00 ${from} a0 11 18 0f 32303236303331363130343435305a
          30 26 30 00 a1 11 18 0f 32303236303331303233303030305a ${from}
          30 15 30 00 82 00 ${from}
        a1 14 30 12 30 10 06 09 2b 06 01 05 05 07 30 01 02 04 03 04 01 07`),
    ),
  );
});

describe.each(STATUSES)('an answer that says %s', (name, status) => {
  it('is believed by OpenSSL, which finds the nonce that it sent', () => {
    const files = {
      'answer.der': answer(status),
      'chain.pem': toPem('CERTIFICATE', root.certificate.der) + toPem('CERTIFICATE', ca.certificate.der),
      'ca.pem': toPem('CERTIFICATE', ca.certificate.der),
      'server.pem': toPem('CERTIFICATE', server.certificate.der),
    };
    const args = [
      '-respin',
      'answer.der',
      '-CAfile',
      'chain.pem',
      '-issuer',
      'ca.pem',
      '-cert',
      'server.pem',
      '-no_nonce',
    ];
    const text = judge(
      'openssl',
      files,
      'ocsp',
      ...args,
      '-attime',
      `${FROM.getTime() / 1000}`,
      '-validity_period',
      '999999999',
      '-resp_text',
    );
    expect(text).toContain('Response verify OK');
    expect(text).toContain(`server.pem: ${name}`);
    expect(text).toContain(`Responder Id: ${toHex(keyIdentifier(responder.key.spki)).toUpperCase()}`);
    expect(text).not.toMatch(/Revocation Reason/);
  });

  it('is read alike by pkijs', () => {
    const read = OCSPResponse.fromBER(Uint8Array.from(answer(status, NONCE)).buffer);
    expect(read.responseStatus.valueBlock.valueDec).toBe(0);
    expect(read.responseBytes?.responseType).toBe(OID.ocspBasic);
  });

  it('is read back, nonce included', () => {
    const read = parseOcspResponse(answer(status, NONCE));
    if (read.status !== 'successful') throw new Error(read.status);
    const { basic } = read;
    expect(basic.responses.map(({ status: said, thisUpdate }) => [said, thisUpdate])).toEqual([[status, FROM]]);
    expect(basic.responses[0]?.nextUpdate).toEqual('unknown' in status ? undefined : NEXT);
    expect(basic.responses[0]?.certId.serial).toEqual(SERIAL);
    expect([basic.producedAt, basic.nonce]).toEqual([FROM, NONCE]);
    expect(basic.certificates).toEqual([responder.certificate.der]);
    expect(verifySignature('ecdsa-with-SHA256', responder.key.spki, basic.responseData, basic.signature)).toBe(true);
  });
});

it('a nonce is echoed as OpenSSL prints it', () => {
  const text = judge(
    'openssl',
    { 'a.der': answer({ good: true }, NONCE) },
    'ocsp',
    '-respin',
    'a.der',
    '-noverify',
    '-resp_text',
  );
  expect(text).toMatch(/OCSP Nonce: \n *0410000102030405060708090A0B0C0D0E0F\n/);
});

describe('without an answer', () => {
  it.each([
    ['malformedRequest', '30 03 0a 01 01'],
    ['internalError', '30 03 0a 01 02'],
    ['tryLater', '30 03 0a 01 03'],
    ['unauthorized', '30 03 0a 01 06'],
  ] satisfies [OcspError, string][])('%s is exactly these octets', (error, der) => {
    expect(toHex(ocspErrorResponse(error))).toBe(toHex(hex(der)));
    expect(parseOcspResponse(hex(der))).toEqual({ status: error });
    const ask = (): string => judge('openssl', { 'a.der': hex(der) }, 'ocsp', '-respin', 'a.der', '-noverify');
    expect(ask).toThrow(`Responder Error: ${error.toLowerCase()}`);
  });
});

describe('a response is refused', () => {
  const time = generalizedTime(FROM);
  const responderId = explicit(2, octetString(new Uint8Array(20)));
  const single = (...fields: Uint8Array[]): Uint8Array => sequence(responderId, time, sequence(sequence(...fields)));

  it.each([
    ['with a status without meaning', sequence(enumerated(4))],
    ['that is successful without a body', sequence(enumerated(0))],
    ['that is tryLater with a body', sequence(enumerated(3), explicit(0, sequence()))],
    [
      'of another type than basic',
      sequence(enumerated(0), explicit(0, sequence(objectIdentifier('1.2.3'), octetString(sequence())))),
    ],
    [
      'with a basic body that is empty',
      sequence(enumerated(0), explicit(0, sequence(objectIdentifier(OID.ocspBasic), octetString(sequence())))),
    ],
    ['with octets after it', Buffer.concat([answer({ good: true }), Uint8Array.of(0)])],
    ['cut off', answer({ good: true }).subarray(0, -1)],
  ])('%s', (_, der) => {
    expect(() => parseOcspResponse(der)).toThrow(DerError);
  });

  it.each([
    ['by name', sequence(explicit(1, ca.certificate.subject), time, sequence(sequence()))],
    ['by a hash of 19 octets', sequence(explicit(2, octetString(new Uint8Array(19))), time, sequence(sequence()))],
    ['with version 1 written', sequence(explicit(0, hex('020100')), responderId, time, sequence(sequence()))],
    ['without a single answer', sequence(responderId, time, sequence())],
    ['produced at a UTCTime', sequence(responderId, hex('17 0d 323630333136303934343530 5a'), sequence(sequence()))],
    ['with a reason for revocation', single(CERT_ID, explicit(1, time, explicit(0, enumerated(1))), time)],
    ['with good that is not empty', single(CERT_ID, element(0x80, hex('00')), time)],
    ['with a status of another tag', single(CERT_ID, element(0x83), time)],
    ['with nextUpdate under another tag', single(CERT_ID, element(0x80), time, explicit(1, time))],
    ['with two nextUpdates', single(CERT_ID, element(0x80), time, explicit(0, time, time))],
    ['with a field too many', single(CERT_ID, element(0x80), time, explicit(0, time), NULL)],
  ])('whose data are %s', (_, data) => {
    expect(() => parseResponseData(data)).toThrow(DerError);
  });

  it('and the data above are what refuses', () => {
    expect(parseResponseData(single(CERT_ID, element(0x80), time)).responses).toHaveLength(1);
  });
});
