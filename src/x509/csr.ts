// The gate for PKCS #10 requests (RFC 2986): strict DER on the bytes as sent, nothing repaired, nothing compared by re-encoding.
// What comes out is only as good as its signature: call `checkProofOfPossession` after the key policy, before anything is believed.
import { readAttributes } from './csr-extensions.ts';
import { type CsrFault, refusalFor } from './csr-fault.ts';
import { type CsrAlgorithm, checkCsrSignature, readCsrAlgorithm } from './csr-signature.ts';
import { readSubject } from './csr-subject.ts';
import { limited, readPemRequest } from './csr-text.ts';
import { type DerElement, DerError, readBitStringOctets, readDer, readInteger, TAG } from './der.ts';
import type { Extension } from './extensions.ts';
import type { Name } from './names.ts';

export type CertificationRequest = {
  readonly der: Uint8Array;
  /** the bytes of certificationRequestInfo, which the signature is over */
  readonly info: Uint8Array;
  /** free of hostile characters, but nothing in it is true */
  readonly subject: Name;
  /** the bytes of subjectPKInfo; for the key policy to read */
  readonly spki: Uint8Array;
  /** those of the one extensionRequest, in its order, none that could make a CA; never to be copied */
  readonly extensions: readonly Extension[];
  /** dNSNames of subjectAltName as written, in order */
  readonly dnsNames: readonly string[];
  /** rfc822Names of subjectAltName as written, in order */
  readonly emailAddresses: readonly string[];
  /** kinds of the other names in subjectAltName, in order: `iPAddress`, `directoryName` … */
  readonly otherNames: readonly string[];
  readonly signatureAlgorithm: CsrAlgorithm;
  readonly signature: Uint8Array;
};

/**
 * The DER of the one request in a body: PEM, or the DER itself. `auto` takes bytes that begin with a SEQUENCE tag for DER; a
 * string is always PEM. The DER is not looked at. Throws Refusal: `csr_too_large` above 64 KiB of DER, `csr_malformed` for
 * anything but exactly one PEM block with white space around it.
 */
export function readCsrText(body: string | Uint8Array, form: 'pem' | 'der' | 'auto' = 'auto'): Uint8Array {
  if (typeof body === 'string') return readPemRequest(body);
  if (form === 'der' || (form === 'auto' && body[0] === TAG.SEQUENCE)) return limited(body);
  return readPemRequest(Buffer.from(body).toString('latin1'));
}

/**
 * Reads one request. Throws Refusal with every finding and the worst of their codes: `csr_too_large`, `csr_malformed`,
 * `csr_algorithm_not_allowed`, `csr_extension_not_allowed`, `name_not_allowed`. The key is not looked at, nothing is verified.
 */
export function parseCsr(input: Uint8Array): CertificationRequest {
  // a copy, so that what was checked is what is used, whoever holds the buffer
  const der = Uint8Array.from(limited(input));
  const faults: CsrFault[] = [];
  try {
    const { info, algorithm, signature } = readRequest(readDer(der));
    const { subject, spki, attributes } = readInfo(info);
    const named = readSubject(subject);
    const asked = readAttributes(attributes);
    const signed = readCsrAlgorithm(algorithm);
    faults.push(...signed.faults, ...asked.faults, ...named.faults);
    if (faults.length === 0 && signed.algorithm !== undefined) {
      return {
        der,
        info: info.bytes,
        subject: named.name,
        spki: spki.bytes,
        extensions: asked.extensions,
        dnsNames: asked.dnsNames,
        emailAddresses: asked.emailAddresses,
        otherNames: asked.otherNames,
        signatureAlgorithm: signed.algorithm,
        signature: readBitStringOctets(signature),
      };
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    faults.push(malformed(error));
  }
  throw refusalFor(faults);
}

/** `CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm, signature BIT STRING }` */
function readRequest(request: DerElement): Record<'info' | 'algorithm' | 'signature', DerElement> {
  const [info, algorithm, signature, ...rest] = request.children;
  if (request.tag !== TAG.SEQUENCE || info === undefined || algorithm === undefined || signature === undefined) {
    throw new DerError('a CertificationRequest is a SEQUENCE of three', request.offset);
  }
  if (rest.length > 0) throw new DerError('a CertificationRequest ends with its signature', rest[0]?.offset ?? 0);
  readBitStringOctets(signature);
  return { info, algorithm, signature };
}

/** `CertificationRequestInfo ::= SEQUENCE { version INTEGER { v1(0) }, subject Name, subjectPKInfo, attributes [0] }` */
function readInfo(info: DerElement): Record<'subject' | 'spki' | 'attributes', DerElement> {
  const [version, subject, spki, attributes, ...rest] = info.children;
  if (info.tag !== TAG.SEQUENCE || version === undefined || subject === undefined || spki?.tag !== TAG.SEQUENCE) {
    throw new DerError('a CertificationRequestInfo was expected', info.offset);
  }
  if (version.tag !== TAG.INTEGER || readInteger(version) !== 0n)
    throw new DerError('the version is v1, 0', version.offset);
  if (attributes === undefined) throw new DerError('attributes [0] are missing, even if empty', info.offset);
  const [surplus] = rest;
  if (surplus !== undefined) throw new DerError('a CertificationRequestInfo ends with its attributes', surplus.offset);
  return { subject, spki, attributes };
}

const malformed = (error: DerError): CsrFault => ({
  code: 'csr_malformed',
  finding: {
    rule: 'RFC 2986 §4 Certification request syntax',
    at: `csr @ ${error.offset}`,
    detail: error.message,
    remedy: 'make the request with a current openssl, certtool or keytool and send it unchanged',
  },
});

/**
 * Whether the sender has the private key (RFC 2986 §3 Overview): node:crypto verifies the signature over the bytes as sent. Call
 * it after the key policy. Throws Refusal `csr_algorithm_not_allowed` where the key is not of this algorithm, else
 * `csr_signature_invalid`.
 */
export const checkProofOfPossession = (csr: CertificationRequest): void => checkCsrSignature(csr);
