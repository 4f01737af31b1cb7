// Answers OCSP requests (RFC 6960), signed on demand by the delegated responder of the CA that is asked about.
// Never "good" for a serial that was not issued, never an old "good" from a copy that lags.

import { certificateStatus } from '#db/certificates.ts';
import type { Authority } from '../authority.ts';
import { Outage } from '../errors.ts';
import type { OcspWord } from '../meter.ts';
import type { Needs } from '../system.ts';
import { signatureAlgorithmFor, signatureAlgorithmIdentifier, verifySignature } from '../x509/algorithms.ts';
import { DerError } from '../x509/der.ts';
import { lintResponseData } from '../x509/lint-ocsp.ts';
import {
  assembleOcspResponse,
  buildResponseData,
  type OcspCertId,
  type OcspRequest,
  type OcspStatus,
  ocspErrorResponse,
  parseOcspRequest,
} from '../x509/ocsp.ts';
import { wholeSecond } from '../x509/seconds.ts';
import type { IssuerIndex } from './issuers.ts';
import type { Responder, Responders } from './responders.ts';
import type { StatusIndex } from './status.ts';

/** How long an answer is good for, and how long a cache may keep it: a revocation hides behind a cache no longer than this. */
const VALIDITY_MS = 3_600_000;
const MAX_AGE_SECONDS = 60;

export type OcspNeeds = Needs<'db' | 'clock' | 'ocsp' | 'log'> & {
  readonly issuers: IssuerIndex;
  readonly responders: Responders;
  readonly status: StatusIndex;
};

export type OcspAnswer = {
  readonly der: Uint8Array;
  /** in one word, for metrics */
  readonly says: OcspWord;
  /** present only when a cache may keep the answer: no nonce, and nothing in it is unknown */
  readonly cache?: { readonly thisUpdate: Date; readonly nextUpdate: Date; readonly maxAgeSeconds: number };
};

/** Answers one request in DER; every fault becomes the OCSP error that RFC 6960 §2.3 names, so this never throws for bad input. */
export async function respondOcsp(system: OcspNeeds, requestDer: Uint8Array): Promise<OcspAnswer> {
  let request: OcspRequest;
  try {
    request = parseOcspRequest(requestDer);
  } catch (error) {
    if (error instanceof DerError) return errorAnswer('malformedRequest');
    throw error;
  }
  const issuer = issuerOf(system, request);
  if (issuer === undefined) return errorAnswer('unauthorized');
  try {
    return await signedAnswer(system, request, issuer);
  } catch (error) {
    if (error instanceof Outage) return errorAnswer('tryLater');
    throw error;
  }
}

const errorAnswer = (says: 'malformedRequest' | 'unauthorized' | 'tryLater'): OcspAnswer => ({
  der: ocspErrorResponse(says),
  says,
});

/** Of several certificates, the gravest. */
function gravest(statuses: readonly OcspStatus[]): OcspWord {
  if (statuses.some((status) => 'unknown' in status)) return 'unknown';
  return statuses.some((status) => 'revoked' in status) ? 'revoked' : 'good';
}

/** The one CA that every CertID of the request names; undefined when one is foreign, or when they differ. */
function issuerOf(system: OcspNeeds, request: OcspRequest): Authority | undefined {
  const issuers = request.certIds.map((certId) => system.issuers.find(certId));
  const [first] = issuers;
  return issuers.every((issuer) => issuer === first) ? first : undefined;
}

async function signedAnswer(system: OcspNeeds, request: OcspRequest, issuer: Authority): Promise<OcspAnswer> {
  const now = wholeSecond(system.clock());
  const responder = await system.responders.current(issuer.id, now);
  if (responder === undefined) throw new Outage('hsm', `no OCSP responder of ${issuer.id} is valid now`);
  const nextUpdate = new Date(Math.min(now.getTime() + VALIDITY_MS, responder.certificate.notAfter.getTime()));
  const responses = await Promise.all(
    request.certIds.map(async (certId: OcspCertId) => {
      const status = await statusOf(system, issuer, certId.serial);
      return { certIdDer: certId.der, status, thisUpdate: now, ...('unknown' in status ? {} : { nextUpdate }) };
    }),
  );
  const responseData = buildResponseData({
    responderKeyHash: responder.keyId,
    producedAt: now,
    responses,
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
  });
  const der = await sign(system, { responder, issuer, now, responseData });
  const cacheable = request.nonce === undefined && responses.every((response) => !('unknown' in response.status));
  const says = gravest(responses.map(({ status }) => status));
  return { der, says, ...(cacheable && { cache: { thisUpdate: now, nextUpdate, maxAgeSeconds: MAX_AGE_SECONDS } }) };
}

async function sign(
  system: OcspNeeds,
  {
    responder,
    issuer,
    now,
    responseData,
  }: { responder: Responder; issuer: Authority; now: Date; responseData: Uint8Array },
): Promise<Uint8Array> {
  const signable = lintResponseData(responseData, {
    responder: responder.certificate,
    issuer: issuer.certificate,
    now,
  });
  const signature = await system.ocsp.sign(responder.keyId, signable);
  const algorithm = signatureAlgorithmFor(responder.certificate.spki);
  if (!verifySignature(algorithm, responder.certificate.spki, responseData, signature)) {
    throw new Outage('hsm', 'the OCSP token answered a signature that does not verify', { signature: 'unknown' });
  }
  return assembleOcspResponse({
    responseData,
    algorithm: signatureAlgorithmIdentifier(algorithm),
    signature,
    certificates: [responder.certificate.der],
  });
}

/** From the fresh index when the feed has named the serial; otherwise the database decides, and only it may say unknown. */
async function statusOf(system: OcspNeeds, issuer: Authority, serial: Uint8Array): Promise<OcspStatus> {
  if (!system.status.isFresh(performance.now()))
    throw new Outage('database', 'the status feed was not read for too long');
  const known = system.status.find(issuer.id, serial);
  if (known !== undefined) return known.state === 'good' ? { good: true } : { revoked: known.revokedAt };
  const row = await certificateStatus(system.db.read, issuer.id, serial);
  if (row?.revokedAt != null) return { revoked: row.revokedAt };
  return row?.state === 'issued' ? { good: true } : { unknown: true };
}
