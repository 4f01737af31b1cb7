// OCSP from the other side: the request that a relying party sends, and what it must see in the answer before it believes it
// (RFC 6960 §3.2 Signed Response Acceptance Requirements). Nothing here knows what the database says.

import type { Finding } from '../errors.ts';
import { parseSignatureAlgorithm, verifySignature } from './algorithms.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { explicit, octetString, sequence } from './der-writer.ts';
import { extendedKeyUsageOf, isCa, keyUsageOf } from './extension-values.ts';
import { encodeExtensions } from './extensions.ts';
import { faultOfIssued } from './issued.ts';
import { keyIdentifier } from './keys.ts';
import { expect, type Rule, reading, sameBytes } from './lint-finding.ts';
import type { OcspError } from './ocsp.ts';
import { type ParsedSingleResponse, parseOcspResponse } from './ocsp-response.ts';
import { OID } from './oids.ts';

/** The DER of an unsigned OCSPRequest for one certificate. */
export const buildOcspRequest = (certId: Uint8Array, nonce: Uint8Array): Uint8Array =>
  sequence(
    sequence(
      sequence(sequence(certId)),
      explicit(2, encodeExtensions([{ oid: OID.ocspNonce, critical: false, value: octetString(nonce) }])),
    ),
  );

/** What was asked, of whom, and when the answer came. */
export type OcspQuestion = {
  /** DER of the CertID */
  readonly certId: Uint8Array;
  readonly nonce: Uint8Array;
  readonly issuer: Certificate;
  readonly now: Date;
};

export type OcspVerdict =
  | { readonly error: OcspError }
  | {
      readonly answer: ParsedSingleResponse | undefined;
      readonly producedAt: Date | undefined;
      /** the certificate of the key that the response names, believed or not */
      readonly responder: Certificate | undefined;
      /** why the answer must not be believed; empty when it may */
      readonly findings: readonly Finding[];
    };

/** How far the clocks of responder and relying party may differ. */
const SKEW_MS = 5 * 60_000;

const rule = (rule: string, at: string, remedy: string): Rule => ({ rule: `RFC 6960 ${rule}`, at, remedy });
const SHAPE = rule('§4.2.1 ASN.1 Specification of the OCSP Response', 'OCSPResponse', 'ask an OCSP responder');
const ASKED = rule('§3.2 Signed Response Acceptance Requirements, 1', 'responses', 'look for a cache in between');
const SIGNED = rule('§3.2 Signed Response Acceptance Requirements, 2', 'signature', 'look for who changes answers');
const DELEGATED = rule('§4.2.2.2 Authorized Responders', 'certs', 'let the worker renew the responder');
const FRESH = rule('§3.2 Signed Response Acceptance Requirements, 5 and 6', 'responses', 'compare the clocks');
const NONCE = rule('§4.4.1 Nonce', 'responseExtensions', 'look for a cache in between');

/** Judges the body of an answer. Never throws for what it contains. */
export function verifyOcspResponse(body: Uint8Array, question: OcspQuestion): OcspVerdict {
  let error: OcspError | undefined;
  let answer: ParsedSingleResponse | undefined;
  let producedAt: Date | undefined;
  let responder: Certificate | undefined;
  const findings = reading(SHAPE, () => {
    const response = parseOcspResponse(body);
    if (response.status !== 'successful') {
      error = response.status;
      return [];
    }
    const { basic } = response;
    producedAt = basic.producedAt;
    answer = basic.responses.find(({ certId }) => sameBytes(certId.der, question.certId));
    responder = [question.issuer, ...basic.certificates.map((der) => parseCertificate(der))].find(({ spki }) =>
      sameBytes(keyIdentifier(spki), basic.responderKeyHash),
    );
    return [
      ...expect(answer !== undefined, ASKED, 'the answer is about another certificate'),
      ...expect(basic.nonce !== undefined && sameBytes(basic.nonce, question.nonce), NONCE, 'the nonce is not ours'),
      ...responderFindings(responder, question),
      ...expect(
        responder === undefined || isSigned(basic, responder),
        SIGNED,
        'the signature is not of the responder’s key',
      ),
      ...dateFindings(basic.producedAt, answer, question.now),
    ];
  });
  return error === undefined ? { answer, producedAt, responder, findings } : { error };
}

function isSigned(
  { algorithm, signature, responseData }: Readonly<Record<'algorithm' | 'signature' | 'responseData', Uint8Array>>,
  { spki }: Certificate,
): boolean {
  const known = parseSignatureAlgorithm(algorithm);
  return known !== undefined && verifySignature(known, spki, responseData, signature);
}

/** The issuer itself, or whom it certified for this. */
function responderFindings(responder: Certificate | undefined, { issuer, now }: OcspQuestion): Finding[] {
  if (responder === undefined) return expect(false, DELEGATED, 'the certificate of the responder is not there');
  if (responder === issuer) return [];
  const { extensions } = responder;
  const fault = faultOfIssued(responder, issuer, now);
  const mayAnswer =
    extendedKeyUsageOf(extensions).includes(OID.OCSPSigning) &&
    keyUsageOf(extensions).includes('digitalSignature') &&
    !isCa(extensions);
  return [
    ...expect(fault === undefined, DELEGATED, `the responder is not certified by the issuer: ${fault}`),
    ...expect(mayAnswer, DELEGATED, 'this is not the certificate of an OCSP responder'),
  ];
}

function dateFindings(producedAt: Date, answer: ParsedSingleResponse | undefined, now: Date): Finding[] {
  const late = new Date(now.getTime() + SKEW_MS);
  const early = new Date(now.getTime() - SKEW_MS);
  const nextUpdate = answer?.nextUpdate;
  return [
    ...expect(producedAt <= late, FRESH, 'producedAt is in the future'),
    ...expect(answer === undefined || answer.thisUpdate <= late, FRESH, 'thisUpdate is in the future'),
    ...expect(nextUpdate === undefined || nextUpdate >= early, FRESH, 'nextUpdate is over'),
  ];
}
