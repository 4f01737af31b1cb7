// PEM in its strict form (RFC 7468 §3 ABNF): blocks of one label, nothing around them but white space.
import { DerError } from './der.ts';

type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'X509 CRL' | 'PKCS7' | 'PUBLIC KEY' | (string & {});

/** One PEM block with lines of 64 characters and a line feed at its end. */
export function toPem(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * The contents of every block, in order; at least one. Lines may be of any length and end with LF or CRLF.
 * Throws DerError, `offset` in characters, for another label, text outside the blocks, headers, and base64 that is not canonical.
 */
export function fromPem(text: string, label: PemLabel): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  let at = skipWhiteSpace(text, 0);
  while (at < text.length) {
    const begin = `-----BEGIN ${label}-----`;
    const end = `-----END ${label}-----`;
    if (!text.startsWith(begin, at)) throw new DerError(`"${begin}" was expected`, at);
    const until = text.indexOf(end, at);
    if (until < 0) throw new DerError(`"${end}" is missing`, at);
    blocks.push(decodeBody(text.slice(at + begin.length, until), at));
    at = skipWhiteSpace(text, until + end.length);
  }
  if (blocks.length === 0) throw new DerError(`no block of ${label}`, 0);
  return blocks;
}

function skipWhiteSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at += 1;
  return at;
}

function decodeBody(body: string, at: number): Uint8Array {
  if (!/^\r?\n([A-Za-z0-9+/=]+\r?\n)+$/.test(body)) throw new DerError('lines of base64 were expected', at);
  const base64 = body.replace(/[\r\n]/g, '');
  const octets = Buffer.from(base64, 'base64');
  if (octets.toString('base64') !== base64) throw new DerError('this base64 is not canonical', at);
  return new Uint8Array(octets);
}
