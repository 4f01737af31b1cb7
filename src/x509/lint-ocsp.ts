// The last look at an OCSP answer before a token signs it. One of the three makers of Signable.
import { createHash } from 'node:crypto';
import type { Finding } from '../errors.ts';
import { type Certificate, extensionOf } from './certificate.ts';
import { extendedKeyUsageOf, isCa, keyUsageOf } from './extension-values.ts';
import { keyIdentifier, subjectPublicKeyBits } from './keys.ts';
import { expect, type Rule, reading, sameBytes } from './lint-finding.ts';
import type { OcspCertId } from './ocsp.ts';
import { type ParsedSingleResponse, parseResponseData, type ResponseData } from './ocsp-response.ts';
import { OID } from './oids.ts';
import { type Signable, settle } from './signable.ts';

export type ExpectedResponseData = {
  /** the certificate of the delegated responder whose key signs */
  readonly responder: Certificate;
  /** the certificate of the CA that the answers are about */
  readonly issuer: Certificate;
  readonly now: Date;
};

/** An answer is signed when it is produced: producedAt is at most so far behind the clock. */
const FRESH_MS = 60_000;

const rule = (title: string, field: string, remedy: string): Rule => ({ rule: `RFC 6960 ${title}`, at: field, remedy });

const STRUCTURE = rule(
  '§4.2.1 ASN.1 Specification of the OCSP Response',
  'responseData',
  'build it with buildResponseData',
);
const RESPONDER = rule(
  '§4.2.2.2 Authorized Responders',
  'responder',
  'sign with a responder that the CA itself has certified',
);
const RESPONDER_ID = rule(
  '§4.2.1 ResponderID',
  'responseData.responderID',
  "take the SHA-1 of the responder's own key",
);
const PRODUCED = rule(
  '§2.4 Semantics of thisUpdate, nextUpdate, and producedAt',
  'responseData',
  'take the times from the clock at signing',
);
const CERT_ID = rule('§4.1.1 CertID', 'responseData.responses', 'answer only for certificates of this CA');
const UNKNOWN = rule(
  '§2.2 Response',
  'responseData.responses',
  'leave nextUpdate out of an unknown: nobody may keep it',
);

/**
 * Makes a Signable of ResponseData that is DER, names the responder that signs, and speaks only of the responder's CA, within
 * the responder's life. Throws Refusal `lint_failed` with every finding.
 */
export function lintResponseData(data: Uint8Array, expected: ExpectedResponseData): Signable {
  const findings = reading(STRUCTURE, () => {
    const response = parseResponseData(data);
    return [
      ...lintResponder(expected.responder, expected.issuer),
      ...lintProduction(response, expected),
      ...response.responses.flatMap((single) => lintSingle(single, response.producedAt, expected)),
    ];
  });
  return settle('ocsp', data, findings);
}

function lintResponder(responder: Certificate, issuer: Certificate): Finding[] {
  const { extensions } = responder;
  return reading(RESPONDER, () => {
    const mayAnswer = extendedKeyUsageOf(extensions).includes(OID.OCSPSigning);
    const maySign = keyUsageOf(extensions).includes('digitalSignature');
    const unchecked = extensionOf(responder, OID.ocspNoCheck) !== undefined;
    return [
      ...expect(sameBytes(responder.issuer, issuer.subject), RESPONDER, 'the responder is certified by another CA'),
      ...expect(
        mayAnswer && maySign && !isCa(extensions),
        RESPONDER,
        'this is not the certificate of an OCSP responder',
      ),
      ...expect(unchecked, RESPONDER, 'the responder would itself have to be checked'),
    ];
  });
}

function lintProduction(
  { producedAt, responderKeyHash }: ResponseData,
  { responder, now }: ExpectedResponseData,
): Finding[] {
  const age = now.getTime() - producedAt.getTime();
  return [
    ...expect(sameBytes(responderKeyHash, keyIdentifier(responder.spki)), RESPONDER_ID, 'this names another responder'),
    ...expect(age >= 0 && age <= FRESH_MS, PRODUCED, 'producedAt is not now'),
    ...expect(
      producedAt >= responder.notBefore && producedAt <= responder.notAfter,
      PRODUCED,
      'producedAt is outside the life of the responder',
    ),
  ];
}

function lintSingle(
  single: ParsedSingleResponse,
  producedAt: Date,
  { responder, issuer }: ExpectedResponseData,
): Finding[] {
  const { certId, status, thisUpdate, nextUpdate } = single;
  const findings = [
    ...expect(namesIssuer(certId, issuer), CERT_ID, 'the CertID names another CA'),
    ...expect(thisUpdate <= producedAt, PRODUCED, 'thisUpdate is after producedAt'),
  ];
  if ('unknown' in status)
    return [...findings, ...expect(nextUpdate === undefined, UNKNOWN, 'unknown carries a nextUpdate')];
  if (nextUpdate === undefined) return [...findings, ...expect(false, PRODUCED, 'nextUpdate is missing')];
  return [
    ...findings,
    ...expect(nextUpdate >= producedAt, PRODUCED, 'nextUpdate is before producedAt'),
    ...expect(nextUpdate <= responder.notAfter, PRODUCED, "nextUpdate is after the responder's notAfter"),
  ];
}

const HASHES: ReadonlyMap<string, string> = new Map([
  [OID.sha1, 'sha1'],
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
]);

function namesIssuer({ hashAlgorithm, issuerNameHash, issuerKeyHash }: OcspCertId, issuer: Certificate): boolean {
  const hash = HASHES.get(hashAlgorithm);
  if (hash === undefined) return false;
  const digest = (octets: Uint8Array): Uint8Array => createHash(hash).update(octets).digest();
  return (
    sameBytes(issuerNameHash, digest(issuer.subject)) &&
    sameBytes(issuerKeyHash, digest(subjectPublicKeyBits(issuer.spki)))
  );
}
