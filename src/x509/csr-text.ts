// A request as it is sent: one PEM block or the DER itself. Nothing is skipped and nothing is guessed, but every refusal says what
// the sender most probably did.
import { type Finding, Refusal } from '../errors.ts';
import { DerError, REQUEST_LIMITS } from './der.ts';
import { fromPem } from './pem.ts';

/** `NEW` is what Java's keytool and old Microsoft tools write (RFC 7468 §7 Textual Encoding of PKCS #10 Certification Request Syntax). */
const LABELS = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'] as const;

/** Characters of PEM text: the DER limit in base64 (4 for 3), with room for line ends and white space. */
const TEXT_LIMIT = Math.ceil((REQUEST_LIMITS.bytes * 4) / 3) + 8 * 1024;

/**
 * The DER inside the one PEM block that the text holds. Throws Refusal: `csr_too_large`, or `csr_malformed` for anything but
 * exactly one block with white space around it.
 */
export function readPemRequest(text: string): Uint8Array {
  if (text.length > TEXT_LIMIT) throw tooLarge();
  const label = LABELS.find((candidate) => text.includes(`-----BEGIN ${candidate}-----`)) ?? LABELS[0];
  try {
    const [der, second] = fromPem(text, label);
    if (der === undefined || second !== undefined) throw new DerError('more than one request', 0);
    return limited(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const found = explain(text) ?? finding(`${error.message} @ ${error.offset}`);
    throw new Refusal('csr_malformed', 'the body is not one PKCS #10 request', [found]);
  }
}

/** The same bytes, if they are not more than `readDer` takes; else throws Refusal `csr_too_large` before anything reads them. */
export function limited(der: Uint8Array): Uint8Array {
  if (der.length > REQUEST_LIMITS.bytes) throw tooLarge();
  return der;
}

/** The usual mistakes, most telling first. */
function explain(text: string): Finding | undefined {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return finding(
      'a private key was sent',
      'make a new key pair, because this one is no longer private; send the request alone',
    );
  }
  if (text.trim() === '')
    return finding('the request is empty', 'send the block from -----BEGIN CERTIFICATE REQUEST----- on');
  if (/^(?:\u00ef\u00bb\u00bf|\ufeff|\u00ff\u00fe|\u00fe\u00ff)/.test(text)) {
    return finding('the text begins with a byte order mark', 'save the file as plain ASCII');
  }
  const foreign = /[^\t\n\r\x20-\x7e]/.exec(text);
  if (foreign !== null)
    return finding(`a character that is not ASCII, at ${foreign.index}`, 'save the file as plain ASCII');
  if (text.includes('-----BEGIN CERTIFICATE-----')) {
    return finding(
      'this is a certificate, not a request for one',
      'send the file that begins with -----BEGIN CERTIFICATE REQUEST-----',
    );
  }
  if (!text.includes('-----BEGIN ')) {
    return finding(
      'the line -----BEGIN CERTIFICATE REQUEST----- is missing',
      'send the whole PEM block with its first and last line',
    );
  }
  if ((text.match(/-----BEGIN /g) ?? []).length > 1)
    return finding('more than one PEM block', 'send one request at a time');
  return undefined;
}

const finding = (
  detail: string,
  remedy = 'send one PEM block and nothing around it: openssl req -in request.pem',
): Finding => ({
  rule: 'RFC 7468 §7 Textual Encoding of PKCS #10 Certification Request Syntax',
  at: 'csr',
  detail,
  remedy,
});

const tooLarge = (): Refusal =>
  new Refusal('csr_too_large', `a request has at most ${REQUEST_LIMITS.bytes} bytes`, [
    { rule: 'limit of this service', at: 'csr', detail: `more than ${REQUEST_LIMITS.bytes} bytes of DER` },
  ]);
