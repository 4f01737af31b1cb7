// OCSP responses read back by those who check an answer, the lint first (RFC 6960 §4.2 Response Syntax).
import {
  type DerElement,
  DerError,
  readBitStringOctets,
  readDer,
  readEnumerated,
  readObjectIdentifier,
  readTime,
  TAG,
} from './der.ts';
import {
  ERROR_STATUS,
  MAX_CERT_IDS,
  type OcspCertId,
  type OcspError,
  type OcspStatus,
  parseCertId,
  type ResponseDataFields,
  readNonce,
  type SingleResponse,
} from './ocsp.ts';
import { OID } from './oids.ts';

export type ParsedSingleResponse = Omit<SingleResponse, 'certIdDer'> & { readonly certId: OcspCertId };

export type ResponseData = Omit<ResponseDataFields, 'responses'> & {
  readonly responses: readonly ParsedSingleResponse[];
};

type BasicOcspResponse = ResponseData & {
  /** DER of the ResponseData, that is what the signature covers */
  readonly responseData: Uint8Array;
  /** DER of the AlgorithmIdentifier */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly certificates: readonly Uint8Array[];
};

type OcspResponse =
  | { readonly status: 'successful'; readonly basic: BasicOcspResponse }
  | { readonly status: OcspError };

/** Reads an OCSPResponse of the shape written above, strictly. Throws DerError. Checks no signature. */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  const whole = readDer(der);
  const [status, body, ...rest] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || status?.tag !== TAG.ENUMERATED || rest.length > 0) {
    throw new DerError('an OCSPResponse was expected', 0);
  }
  const number = Number(readEnumerated(status));
  if (number === 0 && body !== undefined) return { status: 'successful', basic: parseBasic(body) };
  const error = (Object.keys(ERROR_STATUS) as OcspError[]).find((name) => ERROR_STATUS[name] === number);
  if (error === undefined || body !== undefined) throw new DerError('this status is not used here', status.offset);
  return { status: error };
}

function parseBasic(body: DerElement): BasicOcspResponse {
  const [responseBytes, ...rest] = body.children;
  const [type, octets, ...more] = responseBytes?.children ?? [];
  if (type === undefined || octets?.tag !== TAG.OCTET_STRING || rest.length + more.length > 0) {
    throw new DerError('ResponseBytes were expected', body.offset);
  }
  if (readObjectIdentifier(type) !== OID.ocspBasic) throw new DerError('a BasicOCSPResponse was expected', type.offset);
  const basic = readDer(octets.content);
  const [responseData, algorithm, signature, certificates, ...extra] = basic.children;
  if (responseData === undefined || algorithm?.tag !== TAG.SEQUENCE || signature === undefined || extra.length > 0) {
    throw new DerError('a BasicOCSPResponse has three or four parts', octets.offset);
  }
  return {
    ...parseResponseData(responseData.bytes),
    responseData: responseData.bytes,
    algorithm: algorithm.bytes,
    signature: readBitStringOctets(signature),
    certificates: (certificates?.children[0]?.children ?? []).map(({ bytes }) => bytes),
  };
}

/** Reads ResponseData that fills its input. Throws DerError. */
export function parseResponseData(der: Uint8Array): ResponseData {
  const whole = readDer(der);
  const [responder, producedAt, list, extensions, ...rest] = whole.children;
  const [keyHash, ...more] = responder?.children ?? [];
  if (whole.tag !== TAG.SEQUENCE || rest.length > 0) throw new DerError('ResponseData was expected', 0);
  if (
    responder?.tag !== 0xa2 ||
    keyHash?.tag !== TAG.OCTET_STRING ||
    keyHash.content.length !== 20 ||
    more.length > 0
  ) {
    throw new DerError('the responder is named by the SHA-1 of its key', 0);
  }
  if (list?.tag !== TAG.SEQUENCE || list.children.length === 0 || list.children.length > MAX_CERT_IDS) {
    throw new DerError(`a response speaks of 1 to ${MAX_CERT_IDS} certificates`, 0);
  }
  if (extensions !== undefined && extensions.tag !== 0xa1)
    throw new DerError('the extensions are in [1]', extensions.offset);
  return {
    responderKeyHash: keyHash.content,
    producedAt: generalized(producedAt),
    responses: list.children.map(parseSingleResponse),
    ...readNonce(extensions),
  };
}

function generalized(element: DerElement | undefined): Date {
  if (element?.tag !== TAG.GENERALIZED_TIME) throw new DerError('a GeneralizedTime was expected', element?.offset ?? 0);
  return readTime(element);
}

function parseSingleResponse(response: DerElement): ParsedSingleResponse {
  const [certId, status, thisUpdate, nextUpdate, ...rest] = response.children;
  if (response.tag !== TAG.SEQUENCE || certId === undefined || status === undefined || rest.length > 0) {
    throw new DerError('a SingleResponse was expected', response.offset);
  }
  const parsed = { certId: parseCertId(certId), status: parseStatus(status), thisUpdate: generalized(thisUpdate) };
  if (nextUpdate === undefined) return parsed;
  const [time, ...more] = nextUpdate.children;
  if (nextUpdate.tag !== 0xa0 || more.length > 0) throw new DerError('nextUpdate is in [0]', nextUpdate.offset);
  return { ...parsed, nextUpdate: generalized(time) };
}

function parseStatus(status: DerElement): OcspStatus {
  const [time, ...rest] = status.children;
  if (status.tag === 0x80 && status.content.length === 0) return { good: true };
  if (status.tag === 0x82 && status.content.length === 0) return { unknown: true };
  if (status.tag === 0xa1 && rest.length === 0) return { revoked: generalized(time) };
  throw new DerError('a CertStatus without revocationReason was expected', status.offset);
}
