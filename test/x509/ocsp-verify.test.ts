import { describe, expect, it } from 'vitest';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { buildName } from '../../src/x509/names.ts';
import {
  assembleOcspResponse,
  buildResponseData,
  certIdFor,
  type OcspStatus,
  ocspErrorResponse,
  parseOcspRequest,
  type ResponseDataFields,
} from '../../src/x509/ocsp.ts';
import { buildOcspRequest, verifyOcspResponse } from '../../src/x509/ocsp-verify.ts';
import { toPem } from '../../src/x509/pem.ts';
import {
  at,
  CA_FROM,
  CA_UNTIL,
  FROM,
  type Holder,
  hex,
  issue,
  newBranch,
  responderExtensions,
  SERIAL,
  serverName,
  toHex,
} from './branch.ts';
import { judge, madeBy } from './judges.ts';

const { ca, responder, server } = newBranch('rsa');
const other = newBranch('P-256');
const NONCE = hex('000102030405060708090a0b0c0d0e0f');
const certId = certIdFor(ca.certificate.subject, ca.certificate.spki, SERIAL);
const question = { certId, nonce: NONCE, issuer: ca.certificate, now: FROM };

type Changes = Partial<ResponseDataFields> & { readonly by?: Holder; readonly certificates?: readonly Uint8Array[] };

function answer(status: OcspStatus, { by = responder, certificates = [by.certificate.der], ...fields }: Changes = {}) {
  const responseData = buildResponseData({
    responderKeyHash: keyIdentifier(by.key.spki),
    producedAt: FROM,
    responses: [{ certIdDer: certId, status, thisUpdate: FROM, nextUpdate: at('2026-03-16T10:44:50') }],
    nonce: NONCE,
    ...fields,
  });
  const { algorithm } = by.key;
  return assembleOcspResponse({ responseData, algorithm, signature: by.key.sign(responseData), certificates });
}

const details = (body: Uint8Array, now = FROM): readonly string[] => {
  const verdict = verifyOcspResponse(body, { ...question, now });
  if ('error' in verdict) throw new Error(verdict.error);
  return verdict.findings.map(({ detail }) => detail);
};

describe('the request', () => {
  const request = buildOcspRequest(certId, NONCE);

  it('is one that we would answer, and OpenSSL reads the same serial and nonce in it', () => {
    expect(parseOcspRequest(request)).toMatchObject({ certIds: [{ der: certId }], nonce: NONCE });
    const said = judge('openssl', { 'request.der': request }, ...'ocsp -reqin request.der -req_text'.split(' '));
    expect(said).toContain(`Serial Number: ${toHex(SERIAL).toUpperCase()}`);
    expect(said).toContain('OCSP Nonce');
  });

  const ofToday = issue(
    {
      ...{ serial: hex('0c'), signatureAlgorithm: ca.key.algorithm, issuer: ca.certificate.subject },
      ...{ notBefore: CA_FROM, notAfter: CA_UNTIL, subject: buildName(serverName('responder')) },
      ...{ spki: responder.key.spki, extensions: responderExtensions(ca.key, responder.key) },
    },
    ca.key,
  );

  it.each([
    ['V', '', { good: true }],
    ['R', '260310230000Z', { revoked: at('2026-03-10T23:00:00') }],
  ])('OpenSSL as a responder answers it from its index (%s), and we believe the answer', (state, revokedAt, status) => {
    const files = {
      'request.der': request,
      'index.txt': `${[state, '290316094450Z', revokedAt, toHex(SERIAL).toUpperCase(), 'unknown', '/CN=x'].join('\t')}\n`,
      'ca.pem': toPem('CERTIFICATE', ca.certificate.der),
      'responder.pem': toPem('CERTIFICATE', ofToday.der),
      'responder.key': responder.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    const signer = '-rsigner responder.pem -rkey responder.key -CA ca.pem -resp_key_id -ndays 1';
    const args = `ocsp -index index.txt -reqin request.der -respout answer.der ${signer}`.split(' ');
    const body = madeBy('openssl', files, 'answer.der', ...args);
    // OpenSSL answers by the clock of this machine.
    const verdict = verifyOcspResponse(body, { ...question, now: new Date() });
    expect(verdict).toMatchObject({ answer: { status }, findings: [] });
  });
});

describe('an answer', () => {
  it.each<[string, OcspStatus]>([
    ['good', { good: true }],
    ['revoked', { revoked: FROM }],
    ['unknown', { unknown: true }],
  ])('of the delegated responder, or of the authority itself, is believed: %s', (_, status) => {
    expect(verifyOcspResponse(answer(status), question)).toMatchObject({ answer: { status }, findings: [] });
    expect(details(answer(status, { by: ca, certificates: [] }))).toEqual([]);
  });

  it('that is an error is that error', () => {
    expect(verifyOcspResponse(ocspErrorResponse('tryLater'), question)).toEqual({ error: 'tryLater' });
  });

  const single = { certIdDer: certId, status: { good: true }, thisUpdate: FROM } as const;
  const forged = answer({ good: true });
  forged[forged.length - responder.certificate.der.length - 12] = 0xff;
  it.each<[string, Uint8Array, string]>([
    [
      'signed by a certificate that is no responder’s',
      answer({ good: true }, { by: server }),
      'not the certificate of an OCSP',
    ],
    ['of another branch', answer({ good: true }, { by: other.responder }), 'not certified by the issuer: signature'],
    [
      'without its certificate',
      answer({ good: true }, { certificates: [] }),
      'the certificate of the responder is not there',
    ],
    ['to another nonce', answer({ good: true }, { nonce: hex('07') }), 'the nonce is not ours'],
    ['to nobody’s nonce', answer({ good: true }, { nonce: undefined as never }), 'the nonce is not ours'],
    [
      'about another certificate',
      answer(
        { good: true },
        { responses: [{ ...single, certIdDer: certIdFor(ca.certificate.subject, ca.certificate.spki, hex('01')) }] },
      ),
      'about another certificate',
    ],
    [
      'that is over',
      answer({ good: true }, { responses: [{ ...single, nextUpdate: at('2026-03-16T09:30:00') }] }),
      'nextUpdate is over',
    ],
    [
      'of the future',
      answer({ good: true }, { responses: [{ ...single, thisUpdate: at('2026-03-16T09:55:00') }] }),
      'thisUpdate is in the future',
    ],
    [
      'produced in the future',
      answer({ good: true }, { producedAt: at('2026-03-16T09:55:00') }),
      'producedAt is in the future',
    ],
    ['that was changed on its way', forged, 'the signature is not of the responder’s key'],
    ['that is none', hex('3003020100'), 'an OCSPResponse was expected'],
  ])('%s is not believed', (_, body, detail) => {
    expect(details(body)).toEqual([expect.stringContaining(detail)]);
  });

  it('of a responder whose certificate has ended is not believed', () => {
    const later = at('2026-05-01T00:00:00');
    const responses = [{ ...single, thisUpdate: later, nextUpdate: at('2026-05-02T00:00:00') }];
    expect(details(answer({ good: true }, { producedAt: later, responses }), later)).toEqual([
      'the responder is not certified by the issuer: validity',
    ]);
  });
});
