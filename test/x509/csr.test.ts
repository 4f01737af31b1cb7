import { describe, expect, it } from 'vitest';
import { parseCsr, readCsrText } from '../../src/x509/csr.ts';
import { REQUEST_LIMITS } from '../../src/x509/der.ts';
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  utf8String,
} from '../../src/x509/der-writer.ts';
import { formatName } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import {
  admit,
  attribute,
  buildCsr,
  csrAttribute,
  dns,
  extension,
  extensionRequest,
  keyPair,
  pemOf,
  spkiOf,
  subject,
} from '../helpers/csr.ts';
import { refusalOf } from '../helpers/refusal.ts';

const codeOf = (der: Uint8Array): string => refusalOf(() => admit(der)).code;
const hex = (text: string): Uint8Array => Buffer.from(text.replace(/ /g, ''), 'hex');
const rsa = buildCsr({ attributes: [extensionRequest(dns('www.hopital.example.fr', 'Hopital.example.fr'))] });
const ec = buildCsr({ key: keyPair('P-256') });

describe('a request that passes the gate', () => {
  it('gives its parts as the bytes that were sent', () => {
    const csr = admit(rsa);
    expect(Buffer.from(csr.der).equals(rsa)).toBe(true);
    expect(Buffer.from(csr.spki).equals(spkiOf(keyPair('rsa')))).toBe(true);
    expect(formatName(csr.subject)).toBe('CN=www.hopital.example.fr');
    expect(csr.dnsNames).toEqual(['www.hopital.example.fr', 'Hopital.example.fr']);
    expect(csr.otherNames).toEqual([]);
    expect(csr.extensions.map(({ oid }) => oid)).toEqual([OID.subjectAltName]);
    expect(csr.signatureAlgorithm).toBe('sha256WithRSAEncryption');
  });

  it('does not change when the sender changes the buffer afterwards', () => {
    const buffer = Uint8Array.from(rsa);
    const csr = parseCsr(buffer);
    buffer.fill(0);
    expect(Buffer.from(csr.der).equals(rsa)).toBe(true);
    expect(csr.info[0]).toBe(0x30);
  });

  it('may have an empty subject and no attributes', () => {
    expect(admit(buildCsr({ subject: sequence() })).subject).toEqual([]);
  });

  it('may carry attributes of its tools, which are ignored', () => {
    const attributes = [
      csrAttribute(OID.challengePassword, utf8String('never logged')),
      csrAttribute(OID.unstructuredName, printableString('x')),
      csrAttribute('1.3.6.1.4.1.311.13.2.3', element(0x16, Buffer.from('10.0.20348.2'))),
      csrAttribute(
        '1.3.6.1.4.1.311.21.20',
        sequence(integer(5), utf8String('HOST'), utf8String('H\\u'), utf8String('certreq')),
      ),
      csrAttribute(
        '1.3.6.1.4.1.311.13.2.2',
        sequence(integer(1), element(0x1e, Buffer.from('004d0053', 'hex')), bitString(new Uint8Array(0))),
      ),
      csrAttribute('1.2.3.4', sequence(integer(1))),
    ];
    const csr = admit(buildCsr({ attributes }));
    expect(csr.extensions).toEqual([]);
    expect(JSON.stringify(csr.subject)).not.toContain('never');
  });
});

describe('row 1: what is not one request in DER is csr_malformed:', () => {
  it.each([
    ['an RSA request', rsa],
    ['an EC request', ec],
  ])('%s cut at any offset', (_name, whole) => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(refusalOf(() => parseCsr(whole.subarray(0, length))).code, `cut at ${length}`).toBe('csr_malformed');
    }
  });

  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['text', Buffer.from('hello')],
    ['JSON', Buffer.from('{"csr":""}')],
    ['random octets', hex('8f3a9b00ff17')],
    ['two requests', Buffer.concat([rsa, ec])],
    ['a trailing zero', Buffer.concat([rsa, Uint8Array.of(0)])],
    ['a trailing line feed', Buffer.concat([rsa, Uint8Array.of(10)])],
    ['a leading zero', Buffer.concat([Uint8Array.of(0), rsa])],
    ['indefinite length', Buffer.concat([hex('3080'), rsa.subarray(4), hex('0000')])],
    ['a length that is not minimal', Buffer.concat([hex('308300'), rsa.subarray(2)])],
    ['a SEQUENCE written as SET', Buffer.concat([hex('31'), rsa.subarray(1)])],
    ['a constructed BIT STRING as signature', constructedSignature()],
    ['a signature with unused bits', sequence(...partsOf(rsa).slice(0, 2), hex('03020780'))],
    ['no signature', sequence(...partsOf(rsa).slice(0, 2))],
    ['a fourth part', sequence(...partsOf(rsa), hex('0500'))],
    ['version 1', buildCsr({ version: integer(1) })],
    ['version -1', buildCsr({ version: hex('0201ff') })],
    ['a version not in its shortest form', buildCsr({ version: hex('02020000') })],
    ['a version that is no INTEGER', buildCsr({ version: hex('0a0100') })],
    ['no attributes', buildCsr({ rawAttributes: new Uint8Array(0) })],
    ['attributes as a SET', buildCsr({ rawAttributes: hex('3100') })],
    ['attributes of a primitive tag', buildCsr({ rawAttributes: hex('8000') })],
    ['a part after the attributes', buildCsr({ surplus: hex('a100') })],
    ['a subject that is a SET', buildCsr({ subject: hex('3100') })],
    ['a subject with an empty RDN', buildCsr({ subject: hex('30023100') })],
    ['a subject attribute that is no string', buildCsr({ subject: subject(attribute(OID.commonName, integer(1))) })],
    [
      'a subject attribute of constructed string',
      buildCsr({ subject: subject(attribute(OID.commonName, hex('2c030c0161'))) }),
    ],
    [
      'attributes that are not sorted',
      buildCsr({ rawAttributes: element(0xa0, csrAttribute('1.2.4', integer(1)), csrAttribute('1.2.3', integer(1))) }),
    ],
    ['an attribute without values', buildCsr({ attributes: [sequence(objectIdentifier('1.2.3'), hex('3100'))] })],
    [
      'an attribute with a third part',
      buildCsr({ attributes: [sequence(objectIdentifier('1.2.3'), hex('31020500'), hex('0500'))] }),
    ],
    ['an empty list of extensions', buildCsr({ attributes: [extensionRequest()] })],
    [
      'a BOOLEAN of 01',
      buildCsr({
        attributes: [extensionRequest(sequence(objectIdentifier('1.2.3'), hex('010101'), octetString(hex('0500'))))],
      }),
    ],
    [
      'critical FALSE written out',
      buildCsr({
        attributes: [extensionRequest(sequence(objectIdentifier('1.2.3'), hex('010100'), octetString(hex('0500'))))],
      }),
    ],
    [
      'cA FALSE written out',
      buildCsr({ attributes: [extensionRequest(extension(OID.basicConstraints, hex('3003010100')))] }),
    ],
    [
      'a pathLenConstraint without cA',
      buildCsr({ attributes: [extensionRequest(extension(OID.basicConstraints, hex('3003020100')))] }),
    ],
    [
      'key usage with trailing zero bits',
      buildCsr({ attributes: [extensionRequest(extension(OID.keyUsage, hex('030200a0')))] }),
    ],
    [
      'key usage that is no BIT STRING',
      buildCsr({ attributes: [extensionRequest(extension(OID.keyUsage, hex('0500')))] }),
    ],
    [
      'extended key usage without a purpose',
      buildCsr({ attributes: [extensionRequest(extension(OID.extKeyUsage, hex('3000')))] }),
    ],
    [
      'a subject key identifier without octets',
      buildCsr({ attributes: [extensionRequest(extension(OID.subjectKeyIdentifier, new Uint8Array(0)))] }),
    ],
    [
      'octets after the value of an extension',
      buildCsr({ attributes: [extensionRequest(extension(OID.basicConstraints, hex('30000500')))] }),
    ],
    [
      'a subjectAltName without a name',
      buildCsr({ attributes: [extensionRequest(extension(OID.subjectAltName, hex('3000')))] }),
    ],
    [
      'a subjectAltName of universal strings',
      buildCsr({ attributes: [extensionRequest(extension(OID.subjectAltName, sequence(utf8String('a.fr'))))] }),
    ],
    [
      'a constructed dNSName',
      buildCsr({ attributes: [extensionRequest(extension(OID.subjectAltName, hex('3005a203160161')))] }),
    ],
  ])('%s', (_name, der) => {
    const refusal = refusalOf(() => admit(der));
    expect(refusal.code).toBe('csr_malformed');
    expect(refusal.findings[0]?.rule).toMatch(/^RFC /);
    expect(refusal.findings[0]?.at).toMatch(/@ \d+$/);
  });

  function partsOf(der: Uint8Array): Uint8Array[] {
    const { info, signature } = parseCsr(der);
    const algorithm = der.subarray(4 + info.length, der.length - signature.length - 5);
    return [info, algorithm, bitString(signature)];
  }

  function constructedSignature(): Uint8Array {
    const [info, algorithm, signature] = partsOf(rsa);
    return sequence(
      ...[info, algorithm].filter((part) => part !== undefined),
      element(0x23, signature ?? new Uint8Array(0)),
    );
  }
});

describe('row 2: hostile sizes cost no more than reaching the limit:', () => {
  /** The byte at which reading stopped: nothing beyond it was looked at. */
  const stoppedAt = (der: Uint8Array): number => {
    const { code, findings } = refusalOf(() => parseCsr(der));
    expect(code).toBe('csr_malformed');
    return Number(/@ (\d+)$/.exec(findings[0]?.at ?? '')?.[1]);
  };

  it('nesting of 20,000', () => {
    expect(codeOf(Buffer.alloc(80_000, '3082ffff', 'hex'))).toBe('csr_too_large');
    expect(stoppedAt(Buffer.alloc(40_000, '3080', 'hex'))).toBeLessThanOrEqual(1);
  });

  it('nesting as deep as the size allows', () => {
    const levels = 16_000;
    const nested = Buffer.alloc(levels * 4);
    for (let level = 0; level < levels; level += 1) {
      nested.writeUInt16BE(0x3082, level * 4);
      nested.writeUInt16BE((levels - level - 1) * 4, level * 4 + 2);
    }
    expect(stoppedAt(nested)).toBeLessThanOrEqual(4 * REQUEST_LIMITS.depth);
  });

  it('a million tiny elements', () => {
    expect(codeOf(element(0x30, Buffer.alloc(2_000_000, '0500', 'hex')))).toBe('csr_too_large');
  });

  it('as many tiny elements as the size allows', () => {
    const tiny = element(0x30, Buffer.alloc(REQUEST_LIMITS.bytes - 4, '0500', 'hex'));
    expect(stoppedAt(tiny)).toBeLessThanOrEqual(4 + 2 * REQUEST_LIMITS.elements);
  });

  it('as many tiny extensions and values as the size allows', () => {
    const one = extension('1.2.3', hex('0500'));
    const many = buildCsr({ attributes: [extensionRequest(...Array(4_000).fill(one))] });
    expect(stoppedAt(many)).toBeLessThan(many.length);
    const value = extension(OID.extKeyUsage, sequence(...Array(15_000).fill(hex('060129'))));
    expect(codeOf(buildCsr({ attributes: [extensionRequest(value)] }))).toBe('csr_malformed');
  });

  it('a tag of 2^70', () => {
    expect(stoppedAt(Buffer.concat([hex('3f818080808080808080808000'), rsa.subarray(1)]))).toBe(0);
  });

  it('a body over the limit, by one byte', () => {
    const fits = element(0x30, new Uint8Array(REQUEST_LIMITS.bytes - 4));
    expect(codeOf(fits)).toBe('csr_malformed');
    expect(codeOf(Buffer.concat([fits, Uint8Array.of(0)]))).toBe('csr_too_large');
  });
});

describe('the text of a request', () => {
  const pem = toPem('CERTIFICATE REQUEST', rsa);
  const text = (form: string): string => Buffer.from(readCsrText(form)).toString('hex');
  const whole = Buffer.from(rsa).toString('hex');

  it.each([
    ['as openssl writes it', pem],
    ['as keytool writes it', toPem('NEW CERTIFICATE REQUEST', rsa)],
    ['with CRLF', pem.replaceAll('\n', '\r\n')],
    [
      'on one line of base64',
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(rsa).toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
    ],
    ['with white space around it', ` \r\n\t${pem}\n\n`],
  ])('%s is read', (_name, form) => {
    expect(text(form)).toBe(whole);
    expect(Buffer.from(readCsrText(Buffer.from(form))).toString('hex')).toBe(whole);
    expect(Buffer.from(readCsrText(Buffer.from(form), 'pem')).toString('hex')).toBe(whole);
  });

  it('may be the DER itself, where bytes are sent', () => {
    expect(Buffer.from(readCsrText(rsa)).equals(rsa)).toBe(true);
    expect(Buffer.from(readCsrText(rsa, 'der')).equals(rsa)).toBe(true);
    expect(refusalOf(() => readCsrText(rsa, 'pem')).code).toBe('csr_malformed');
  });

  it.each([
    ['nothing', '', 'the request is empty'],
    ['white space alone', ' \r\n', 'the request is empty'],
    ['two requests', pem + toPem('CERTIFICATE REQUEST', ec), 'more than one PEM block'],
    ['the same request twice', pem + pem, 'more than one PEM block'],
    ['a request under each label', pem + toPem('NEW CERTIFICATE REQUEST', ec), 'more than one PEM block'],
    ['a private key after it', pem + pemOf(keyPair('rsa')), 'a private key was sent'],
    ['a private key alone', pemOf(keyPair('P-256')), 'a private key was sent'],
    ['a certificate', toPem('CERTIFICATE', rsa), 'this is a certificate, not a request for one'],
    [
      'base64 without its frame',
      Buffer.from(rsa).toString('base64'),
      'the line -----BEGIN CERTIFICATE REQUEST----- is missing',
    ],
    ['a UTF-8 byte order mark', `\ufeff${pem}`, 'the text begins with a byte order mark'],
    ['a NUL', `${pem}\0`, `a character that is not ASCII, at ${pem.length}`],
    ['a no-break space', `\u00a0${pem}`, 'a character that is not ASCII, at 0'],
    ['a full-width letter in the base64', pem.replace('M', '\uff2d'), 'a character that is not ASCII, at 36'],
    ['text before it', `Version: 1\n${pem}`, '"-----BEGIN CERTIFICATE REQUEST-----" was expected @ 0'],
    ['text after it', `${pem}x`, `"-----BEGIN CERTIFICATE REQUEST-----" was expected @ ${pem.length}`],
    ['no last line', pem.slice(0, -36), '"-----END CERTIFICATE REQUEST-----" is missing @ 0'],
    [
      'another last line',
      pem.replace('END CERTIFICATE REQUEST', 'END CERTIFICATE'),
      '"-----END CERTIFICATE REQUEST-----" is missing @ 0',
    ],
    [
      'headers',
      pem.replace('REQUEST-----\n', 'REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n'),
      'lines of base64 were expected @ 0',
    ],
    ['base64url', pem.replace(/[+/]/, '_'), 'lines of base64 were expected @ 0'],
    ['base64 with padding inside', pem.replace('M', '='), 'this base64 is not canonical @ 0'],
    [
      'an empty block',
      '-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n',
      'lines of base64 were expected @ 0',
    ],
  ])('%s is csr_malformed', (_name, form, detail) => {
    const refusal = refusalOf(() => readCsrText(form));
    expect(refusal.code).toBe('csr_malformed');
    expect(refusal.findings.map((finding) => finding.detail)).toEqual([detail]);
    expect(refusal.findings[0]?.remedy).toBeDefined();
  });

  it('in UTF-16 or with a byte order mark is csr_malformed as bytes too', () => {
    for (const bytes of [
      Buffer.from(`\ufeff${pem}`),
      Buffer.from(`\ufeff${pem}`, 'utf16le'),
      Buffer.from(pem, 'utf16le'),
    ]) {
      expect(refusalOf(() => readCsrText(bytes)).code).toBe('csr_malformed');
    }
  });

  it('with base64 whose last bits are not zero is csr_malformed', () => {
    const odd = Buffer.concat([rsa, Uint8Array.of(0)]);
    const padded = [rsa, odd, Buffer.concat([odd, Uint8Array.of(0)])].find((bytes) => bytes.length % 3 === 2) ?? rsa;
    const form = toPem('CERTIFICATE REQUEST', padded);
    expect(refusalOf(() => readCsrText(form.replace(/.=\n/, 'B=\n'))).findings[0]?.detail).toContain('not canonical');
  });

  it('above the limit is csr_too_large, as text and as DER', () => {
    const large = element(0x30, new Uint8Array(REQUEST_LIMITS.bytes));
    expect(refusalOf(() => readCsrText(large)).code).toBe('csr_too_large');
    expect(refusalOf(() => readCsrText(toPem('CERTIFICATE REQUEST', large))).code).toBe('csr_too_large');
    expect(refusalOf(() => readCsrText(' '.repeat(200_000))).code).toBe('csr_too_large');
    const fits = element(0x30, new Uint8Array(REQUEST_LIMITS.bytes - 4));
    expect(readCsrText(toPem('CERTIFICATE REQUEST', fits).replaceAll('\n', '\r\n'))).toHaveLength(REQUEST_LIMITS.bytes);
  });
});
