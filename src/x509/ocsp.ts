// OCSP as the responder needs it: requests read strictly and with bounded work, responses written for signing on demand
// (RFC 6960, in the profile of RFC 5019). ocsp-response.ts reads responses.
import { createHash } from 'node:crypto';
import { type DerElement, DerError, type DerLimits, readDer, readObjectIdentifier, TAG } from './der.ts';
import {
  bitString,
  enumerated,
  explicit,
  generalizedTime,
  implicitPrimitive,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
} from './der-writer.ts';
import { type Extension, encodeExtensions, parseExtensions } from './extensions.ts';
import { subjectPublicKeyBits } from './keys.ts';
import { OID } from './oids.ts';

export type OcspCertId = {
  /** dotted; known or not */
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** contents octets of the serial's INTEGER, whatever its sign */
  readonly serial: Uint8Array;
  /** DER of the whole CertID, to be repeated in the response */
  readonly der: Uint8Array;
};

export type OcspRequest = {
  /** 1 to MAX_CERT_IDS */
  readonly certIds: readonly OcspCertId[];
  /** 1 to MAX_NONCE octets */
  readonly nonce?: Uint8Array;
};

export const MAX_CERT_IDS = 10;
/** RFC 9654 §2.1 Nonce Extension. */
const MAX_NONCE = 128;

const LIMITS: DerLimits = { bytes: 16 * 1024, depth: 12, elements: 300 };

/**
 * Reads an OCSPRequest. Throws DerError, to be answered `malformedRequest`: beyond the limits, no CertID, signed requests,
 * an unknown critical extension, a nonce of 0 or more than 128 octets. A requestorName is tolerated and left unread: in an
 * unsigned request it proves nothing.
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  const whole = readDer(der, LIMITS);
  const [tbs, signature] = whole.children;
  if (whole.tag !== TAG.SEQUENCE || tbs?.tag !== TAG.SEQUENCE) throw new DerError('an OCSPRequest was expected', 0);
  if (signature !== undefined) throw new DerError('signed requests are not answered', signature.offset);
  const fields = [...tbs.children];
  // the version is v1 by default, which DER leaves out
  const requestor = fields[0]?.tag === 0xa1 ? fields.shift() : undefined;
  if (requestor !== undefined && requestor.children.length !== 1)
    throw new DerError('a requestorName is one name', requestor.offset);
  const list = fields.shift();
  const extensions = fields[0]?.tag === 0xa2 ? fields.shift() : undefined;
  if (list?.tag !== TAG.SEQUENCE || fields.length > 0) throw new DerError('a TBSRequest was expected', tbs.offset);
  if (list.children.length === 0 || list.children.length > MAX_CERT_IDS) {
    throw new DerError(`a request names 1 to ${MAX_CERT_IDS} certificates`, list.offset);
  }
  return { certIds: list.children.map(parseRequest), ...readNonce(extensions) };
}

function parseRequest(request: DerElement): OcspCertId {
  const [certId, extensions, ...rest] = request.children;
  if (request.tag !== TAG.SEQUENCE || certId === undefined || rest.length > 0)
    throw new DerError('a Request was expected', request.offset);
  if (extensions !== undefined) refuseCritical(parseTagged(extensions, 0xa0), extensions);
  return parseCertId(certId);
}

/** Reads a CertID element (RFC 6960 §4.1.1 ASN.1 Specification of the OCSP Request). Throws DerError. */
export function parseCertId(certId: DerElement): OcspCertId {
  const [algorithm, issuerNameHash, issuerKeyHash, serial, ...rest] = certId.children;
  const [oid, parameters, ...more] = algorithm?.children ?? [];
  if (
    certId.tag !== TAG.SEQUENCE ||
    algorithm?.tag !== TAG.SEQUENCE ||
    oid === undefined ||
    rest.length + more.length > 0
  ) {
    throw new DerError('a CertID was expected', certId.offset);
  }
  if (parameters !== undefined && parameters.tag !== TAG.NULL)
    throw new DerError('a hash has no parameters', algorithm.offset);
  if (issuerNameHash?.tag !== TAG.OCTET_STRING || issuerKeyHash?.tag !== TAG.OCTET_STRING) {
    throw new DerError('two hashes were expected', certId.offset);
  }
  // a 20-octet serial with its highest bit set takes a leading zero
  if (serial?.tag !== TAG.INTEGER || serial.content.length > 21)
    throw new DerError('a serial was expected', certId.offset);
  return {
    hashAlgorithm: readObjectIdentifier(oid),
    issuerNameHash: issuerNameHash.content,
    issuerKeyHash: issuerKeyHash.content,
    serial: serial.content,
    der: certId.bytes,
  };
}

/** The Extensions inside an explicit tag. */
function parseTagged(field: DerElement, tag: number): Extension[] {
  const [list, ...rest] = field.children;
  if (field.tag !== tag || list === undefined || rest.length > 0)
    throw new DerError('extensions were expected', field.offset);
  return parseExtensions(list);
}

function refuseCritical(extensions: readonly Extension[], at: DerElement): void {
  if (extensions.some(({ critical }) => critical)) throw new DerError('an unknown critical extension', at.offset);
}

/** The nonce among requestExtensions or responseExtensions; every other extension must not be critical. */
export function readNonce(field: DerElement | undefined): { nonce?: Uint8Array } {
  if (field === undefined) return {};
  const extensions = parseTagged(field, field.tag);
  refuseCritical(
    extensions.filter(({ oid }) => oid !== OID.ocspNonce),
    field,
  );
  const extension = extensions.find(({ oid }) => oid === OID.ocspNonce);
  if (extension === undefined) return {};
  const nonce = readDer(extension.value, LIMITS);
  if (nonce.tag !== TAG.OCTET_STRING || nonce.content.length < 1 || nonce.content.length > MAX_NONCE) {
    throw new DerError(`a nonce has 1 to ${MAX_NONCE} octets`, field.offset);
  }
  return { nonce: nonce.content };
}

/** The DER of the CertID that names a certificate by its issuer's name and key, with SHA-1 unless told (RFC 5019 §2.1.1). */
export function certIdFor(
  issuerSubject: Uint8Array,
  issuerSpki: Uint8Array,
  serial: Uint8Array,
  hash: 'sha1' | 'sha256' = 'sha1',
): Uint8Array {
  const digest = (octets: Uint8Array): Uint8Array => octetString(createHash(hash).update(octets).digest());
  return sequence(
    sequence(objectIdentifier(OID[hash]), NULL),
    digest(issuerSubject),
    digest(subjectPublicKeyBits(issuerSpki)),
    integer(serial),
  );
}

export type OcspStatus = { readonly good: true } | { readonly revoked: Date } | { readonly unknown: true };

export type SingleResponse = {
  /** DER of the CertID as it was asked */
  readonly certIdDer: Uint8Array;
  readonly status: OcspStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
};

/** RFC 6960 §4.2.1: the statuses without a body, as numbers. */
export const ERROR_STATUS = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
export type OcspError = keyof typeof ERROR_STATUS;

export type ResponseDataFields = {
  /** SHA-1 of the responder's subjectPublicKey: its key id */
  readonly responderKeyHash: Uint8Array;
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  /** the request's nonce, repeated */
  readonly nonce?: Uint8Array;
};

/** The DER of ResponseData, version 1 and ResponderID byKey; revoked carries no reason. Times are whole seconds. */
export function buildResponseData({ responderKeyHash, producedAt, responses, nonce }: ResponseDataFields): Uint8Array {
  const echo =
    nonce === undefined
      ? []
      : [explicit(1, encodeExtensions([{ oid: OID.ocspNonce, critical: false, value: octetString(nonce) }]))];
  return sequence(
    explicit(2, octetString(responderKeyHash)),
    generalizedTime(producedAt),
    sequence(...responses.map(encodeSingleResponse)),
    ...echo,
  );
}

function encodeSingleResponse({ certIdDer, status, thisUpdate, nextUpdate }: SingleResponse): Uint8Array {
  return sequence(
    certIdDer,
    encodeStatus(status),
    generalizedTime(thisUpdate),
    ...(nextUpdate === undefined ? [] : [explicit(0, generalizedTime(nextUpdate))]),
  );
}

function encodeStatus(status: OcspStatus): Uint8Array {
  if ('revoked' in status) return explicit(1, generalizedTime(status.revoked));
  return implicitPrimitive('good' in status ? 0 : 2, new Uint8Array());
}

/** The DER of a successful OCSPResponse with a BasicOCSPResponse; `algorithm` is the DER of the AlgorithmIdentifier. */
export function assembleOcspResponse(parts: {
  readonly responseData: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly certificates: readonly Uint8Array[];
}): Uint8Array {
  const basic = sequence(
    parts.responseData,
    parts.algorithm,
    bitString(parts.signature),
    explicit(0, sequence(...parts.certificates)),
  );
  return sequence(enumerated(0), explicit(0, sequence(objectIdentifier(OID.ocspBasic), octetString(basic))));
}

/** The DER of an OCSPResponse that says only why there is no answer; it is not signed. */
export const ocspErrorResponse = (error: OcspError): Uint8Array => sequence(enumerated(ERROR_STATUS[error]));
