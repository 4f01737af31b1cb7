import { describe, expect, it } from 'vitest';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { buildTbsCertificate, type CertificateFields } from '../../src/x509/certificate.ts';
import { readDer } from '../../src/x509/der.ts';
import {
  boolean,
  element,
  explicit,
  implicitPrimitive,
  integer,
  NULL,
  octetString,
  sequence,
  time,
} from '../../src/x509/der-writer.ts';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  cardNumber,
  cardType,
  certificatePolicies,
  cRLDistributionPoints,
  type Extension,
  extendedKeyUsage,
  freshestCRL,
  keyUsage,
  ocspNoCheck,
  privateKeyUsagePeriod,
  productCategory,
  profession,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { type ExpectedCertificate, lintCaCertificate, lintCertificate } from '../../src/x509/lint-certificate.ts';
import { buildName, type Name } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { refusalOf } from '../helpers/refusal.ts';
import {
  at,
  CA_ISSUERS_URI,
  CA_UNTIL,
  CPS,
  CRL_URIS,
  caFields,
  FRANCE,
  FRESHEST_URIS,
  FROM,
  hex,
  newBranch,
  newKey,
  OCSP_URI,
  POLICY,
  responderExtensions,
  serverFields,
  serverName,
  UNTIL,
} from './branch.ts';

const { root, ca, server } = newBranch('rsa');
const { fields: FIELDS, expected: EXPECTED } = serverFields(ca, server.key);

type Change = Partial<CertificateFields>;
type Expectation = Partial<ExpectedCertificate>;

/** The rules that are named when the TBSCertificate, or what is expected, is changed so. */
const rulesOf = (tbs: Uint8Array, expected: Expectation = {}): string[] =>
  refusalOf(() => lintCertificate(tbs, { ...EXPECTED, ...expected })).findings.map(({ rule }) => rule);
const changed = (change: Change): Uint8Array => buildTbsCertificate({ ...FIELDS, ...change });
const parts = readDer(buildTbsCertificate(FIELDS)).children.map(({ bytes }) => bytes);
const having = (index: number, ...replacement: Uint8Array[]): Uint8Array =>
  sequence(...parts.toSpliced(index, 1, ...replacement));
/** One extension replaced by another of the same OID, and so expected. */
const saying = (extension: Extension): Uint8Array =>
  changed({ extensions: FIELDS.extensions.map((old) => (old.oid === extension.oid ? extension : old)) });

describe('a certificate that is what was decided', () => {
  it('becomes signable, with its very bytes', () => {
    const tbs = buildTbsCertificate(FIELDS);
    const signable = lintCertificate(tbs, EXPECTED);
    expect([signable.kind, signable.tbs]).toEqual(['certificate', tbs]);
    expect(Object.isFrozen(signable)).toBe(true);
  });

  it('may be that of a card, with its private extensions', () => {
    const period = { notBefore: FROM, notAfter: UNTIL };
    const card = [
      ...FIELDS.extensions.filter(({ oid }) => oid !== OID.subjectAltName),
      privateKeyUsagePeriod(FROM, UNTIL),
      subjectAltName([{ upn: '899700075064@carte-cps.fr' }]),
      cardType(0),
      cardNumber('8025000001/2800636234'),
      profession(50),
    ];
    const values = { cardType: 0, cardNumber: '8025000001/2800636234', profession: 50, privateKeyUsagePeriod: period };
    const extensions = card.map(({ oid, critical }) => ({ oid, critical }));
    const expected = { ...EXPECTED, ...values, extensions, subjectAltName: [{ upn: '899700075064@carte-cps.fr' }] };
    expect(lintCertificate(changed({ extensions: card }), expected).kind).toBe('certificate');
    expect(rulesOf(changed({ extensions: card }), { ...expected, cardNumber: '8025000001/2800636235' })).toEqual([
      'card number',
    ]);
    expect(rulesOf(changed({ extensions: card }), { ...expected, cardType: 2 })).toEqual(['TRE_G02 card type']);
    expect(rulesOf(changed({ extensions: card }), { ...expected, profession: undefined })).toEqual([
      'TRE_G15 profession',
      'TRE_G15 profession',
    ]);
    const shorter = { notBefore: FROM, notAfter: at('2029-02-16T09:44:50') };
    expect(rulesOf(changed({ extensions: card }), { ...expected, privateKeyUsagePeriod: shorter })).toEqual([
      'RFC 3280 §4.2.1.4 Private Key Usage Period',
    ]);
  });

  it.each<[string, string[], boolean]>([
    ['a mailbox', ['Anne.Durand+mss@exemple.fr'], true],
    ['two', ['a@exemple.fr', 'b@exemple.fr'], true],
    ['the same twice', ['a@exemple.fr', 'A@exemple.fr'], false],
    ['a domain in upper case', ['a@Exemple.fr'], false],
    ['a quoted local part', ['"a b"@exemple.fr'], false],
    ['two dots in a row', ['a..b@exemple.fr'], false],
    ['65 characters before the @', [`${'a'.repeat(65)}@exemple.fr`], false],
    ['no domain', ['a@'], false],
    ['a display name', ['Anne <a@exemple.fr>'], false],
    ['a bare label for a domain', ['a@localhost'], false],
  ])('may have as rfc822Name what is a mailbox: %s', (_, mailboxes, good) => {
    const names = mailboxes.map((rfc822Name) => ({ rfc822Name }));
    const tbs = saying(subjectAltName(names));
    if (good) expect(lintCertificate(tbs, { ...EXPECTED, subjectAltName: names }).kind).toBe('certificate');
    else expect(rulesOf(tbs, { subjectAltName: names })).toEqual(['RFC 5280 §4.2.1.6 Subject Alternative Name']);
  });

  it('may be that of an OCSP responder', () => {
    const extensions = responderExtensions(ca.key, server.key);
    const expected = {
      ...EXPECTED,
      extensions: extensions.map(({ oid, critical }) => ({ oid, critical })),
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [OID.OCSPSigning],
    } satisfies ExpectedCertificate;
    expect(lintCertificate(changed({ extensions }), expected).kind).toBe('certificate');
    const wrong = extensions.map((extension) =>
      extension.oid === OID.ocspNoCheck ? { ...ocspNoCheck(), value: sequence() } : extension,
    );
    expect(rulesOf(changed({ extensions: wrong }), expected)).toEqual([
      'RFC 6960 §4.2.2.2.1 Revocation Checking of an Authorized Responder',
    ]);
  });
});

const otherKey = newKey('P-256');
const DER = 'X.690 §10 Distinguished encoding rules';
const STRUCTURE = 'RFC 5280 §4.1 Basic Certificate Fields';
const LIST = 'RFC 5280 §4.2 Certificate Extensions';

describe('a certificate is not signable, by this rule,', () => {
  it.each([
    [DER, 'with a length that is not in its shortest form', having(0, hex('a0 81 03 02 01 02'))],
    [DER, 'with octets after it', Buffer.concat([buildTbsCertificate(FIELDS), Uint8Array.of(0)])],
    [STRUCTURE, 'of version 1', having(0)],
    [STRUCTURE, 'with a unique identifier', having(7, implicitPrimitive(1, hex('00 01')), parts[7] ?? NULL)],
    [STRUCTURE, 'without extensions', having(7)],
    ['RFC 5280 §4.1.2.1 Version', 'of version 2', having(0, explicit(0, integer(1)))],
    [
      'RFC 5280 §4.1.2.2 Serial Number',
      'with a negative serial',
      having(1, element(2, hex('8d5de25e3dc14bde0011223344556677'))),
    ],
    ['RFC 5280 §4.1.2.2 Serial Number', 'with a serial of 15 octets', changed({ serial: new Uint8Array(15).fill(1) })],
    ['RFC 5280 §4.1.2.2 Serial Number', 'with a serial of 17 octets', changed({ serial: new Uint8Array(17).fill(1) })],
    [
      'RFC 5280 §4.1.2.2 Serial Number',
      'with a serial that begins with a zero octet',
      changed({ serial: hex('00ffe25e3dc14bde0011223344556677') }),
    ],
    [
      'RFC 5280 §4.1.2.3 Signature',
      'with the algorithm of another key',
      changed({ signatureAlgorithm: signatureAlgorithmIdentifier('ecdsa-with-SHA256') }),
    ],
    [
      'RFC 5280 §4.1.2.3 Signature',
      'with another hash',
      changed({ signatureAlgorithm: signatureAlgorithmIdentifier('sha384WithRSAEncryption') }),
    ],
    ['RFC 5280 §4.1.2.4 Issuer', 'with another issuer', changed({ issuer: root.certificate.subject })],
    [
      'RFC 5280 §4.1.2.5 Validity',
      'that begins a second early',
      changed({ notBefore: new Date(FROM.getTime() - 1000) }),
    ],
    ['RFC 5280 §4.1.2.5 Validity', 'that ends a second late', changed({ notAfter: new Date(UNTIL.getTime() + 1000) })],
    [
      'RFC 5280 §4.1.2.5 Validity',
      'with a GeneralizedTime before 2050',
      having(4, sequence(time(FROM), hex('18 0f 32303239303331363039343435305a'))),
    ],
    ['RFC 5280 §4.1.2.5 Validity', 'with one time', having(4, sequence(time(FROM)))],
    [
      'RFC 5280 §4.1.2.6 Subject',
      'with another subject',
      changed({ subject: buildName(serverName('autre.example.fr')) }),
    ],
    ['RFC 5280 §4.1.2.7 Subject Public Key Info', 'with another key', changed({ spki: otherKey.spki })],
    [LIST, 'with extensions under another tag', having(7, explicit(2, sequence()))],
    [
      LIST,
      'with an extension that stands twice',
      changed({ extensions: [...FIELDS.extensions, productCategory('83')] }),
    ],
    [LIST, 'without an extension', changed({ extensions: FIELDS.extensions.slice(0, -1) })],
    [
      LIST,
      'with an extension that is not in the profile',
      changed({ extensions: [...FIELDS.extensions, cardType(0)] }),
    ],
    [LIST, 'with extensions in another order', changed({ extensions: FIELDS.extensions.toReversed() })],
    [LIST, 'with a critical extension that should not be', saying(basicConstraints(false, undefined, true))],
    [
      LIST,
      'with critical FALSE written',
      having(7, explicit(3, sequence(sequence(hex('0603551d13'), boolean(false), octetString(sequence()))))),
    ],
    [
      LIST,
      'with a value that is no OCTET STRING',
      having(7, explicit(3, sequence(sequence(hex('0603551d13'), sequence())))),
    ],
    ['RFC 5280 §4.2.1.9 Basic Constraints', 'that is a CA', saying(basicConstraints(true, 0, false))],
    [
      'RFC 5280 §4.2.1.9 Basic Constraints',
      'with cA FALSE written',
      saying({ oid: OID.basicConstraints, critical: false, value: hex('30 03 01 01 00') }),
    ],
    [
      'RFC 5280 §4.2.1.2 Subject Key Identifier',
      'with another key identifier',
      saying(subjectKeyIdentifier(new Uint8Array(20))),
    ],
    [
      'RFC 5280 §4.2.1.1 Authority Key Identifier',
      "with another authority's key identifier",
      saying(authorityKeyIdentifier(new Uint8Array(20))),
    ],
    ['RFC 5280 §4.2.1.3 Key Usage', 'with another usage', saying(keyUsage(['digitalSignature']))],
    [
      'RFC 5280 §4.2.1.3 Key Usage',
      'with a usage too many',
      saying(keyUsage(['digitalSignature', 'keyEncipherment', 'keyCertSign'])),
    ],
    [
      'RFC 5280 §4.2.1.12 Extended Key Usage',
      'with a purpose too many',
      saying(extendedKeyUsage([OID.serverAuth, OID.clientAuth, OID.OCSPSigning])),
    ],
    ['RFC 5280 §4.2.1.4 Certificate Policies', 'with another policy', saying(certificatePolicies('2.5.29.32.0', CPS))],
    [
      'RFC 5280 §4.2.1.6 Subject Alternative Name',
      'with another name',
      saying(subjectAltName([{ dns: 'serveur.example.fr' }])),
    ],
    [
      'RFC 5280 §4.2.1.13 CRL Distribution Points',
      'with another pointer',
      saying(cRLDistributionPoints([CRL_URIS[0] ?? '', 'ldap://b.example/'])),
    ],
    ['RFC 5280 §4.2.1.15 Freshest CRL', 'with another pointer', saying(freshestCRL(['ldap://b.example/']))],
    [
      'RFC 5280 §4.2.2.1 Authority Information Access',
      'without OCSP',
      saying(authorityInfoAccess({ caIssuers: CA_ISSUERS_URI })),
    ],
    ['TRE_G01 product category', 'with another product', saying(productCategory('03'))],
    [
      'TRE_G01 product category',
      'with a product category that is no DER',
      saying({ oid: OID.productCategory, critical: false, value: hex('04 02 83') }),
    ],
  ])('%s: one %s', (rule, _, tbs) => {
    expect(rulesOf(tbs)).toContain(rule);
  });
});

describe('a certificate that says what was expected is still not signable, by this rule,', () => {
  /** Both the certificate and the expectation are changed. */
  const both = (change: Change, expected: Expectation): [Uint8Array, Expectation] => [changed(change), expected];
  const named = (name: Name): [Uint8Array, Expectation] =>
    both({ subject: buildName(name) }, { subject: buildName(name) });
  const cn = (value: string, string: 'utf8' | 'printable' = 'utf8'): Name => [
    [FRANCE],
    [{ type: OID.commonName, value, string }],
  ];
  const sans = (...names: string[]): [Uint8Array, Expectation] => {
    const subjectAltNames = names.map((dns) => ({ dns }));
    return [saying(subjectAltName(subjectAltNames)), { subjectAltName: subjectAltNames }];
  };
  const pointers = (...uris: string[]): [Uint8Array, Expectation] => [
    saying(cRLDistributionPoints(uris)),
    { crlUris: uris },
  ];
  const SUBJECT = 'RFC 5280 §4.1.2.6 Subject';
  const BOUNDS = 'RFC 5280 Appendix A.1 Explicitly Tagged Module, upper bounds';
  const SAN = 'RFC 5280 §4.2.1.6 Subject Alternative Name';
  const POINTS = 'RFC 5280 §4.2.1.13 CRL Distribution Points';
  const [HTTP = '', LDAP = ''] = CRL_URIS;

  it.each([
    [
      'RFC 5280 §4.1.2.5 Validity',
      'outliving its issuer',
      ...both({ notAfter: at('2044-06-25T00:00:01') }, { notAfter: at('2044-06-25T00:00:01') }),
    ],
    [
      'RFC 5280 §4.1.2.5 Validity',
      'older than its issuer',
      ...both({ notBefore: at('2024-06-24T23:59:59') }, { notBefore: at('2024-06-24T23:59:59') }),
    ],
    [
      'RFC 5280 §4.1.2.5 Validity',
      'expected in fractions of a second',
      changed({}),
      { notBefore: new Date(FROM.getTime() + 1) },
    ],
    [
      'RFC 5280 §4.1.2.5 Validity',
      'ending before it begins',
      ...both({ notBefore: UNTIL, notAfter: FROM }, { notBefore: UNTIL, notAfter: FROM }),
    ],
    [
      'RFC 5280 §4.1.2.7 Subject Public Key Info',
      "with the CA's own key",
      ...both({ spki: ca.key.spki }, { spki: ca.key.spki }),
    ],
    [SUBJECT, 'without a subject', ...named([])],
    [SUBJECT, 'with a country in UTF-8', ...named([[{ ...FRANCE, string: 'utf8' }], ...serverName('a.fr').slice(1)])],
    [SUBJECT, 'with a CN in PrintableString', ...named(cn('serveur.example.fr', 'printable'))],
    [SUBJECT, 'with an e-mail address', ...named([[{ type: OID.emailAddress, value: 'a@b.fr', string: 'ia5' }]])],
    [SUBJECT, 'with a control character', ...named(cn('a\u0000b'))],
    [BOUNDS, 'with a CN of 65 characters', ...named(cn('é'.repeat(65)))],
    [BOUNDS, 'with an empty CN', ...named(cn(''))],
    [
      BOUNDS,
      'with an O of 65 characters',
      ...named([[{ type: OID.organizationName, value: 'a'.repeat(65), string: 'utf8' }]]),
    ],
    [
      BOUNDS,
      'with an OU of 65 characters',
      ...named([[{ type: OID.organizationalUnitName, value: 'a'.repeat(65), string: 'utf8' }]]),
    ],
    [BOUNDS, 'with a title of 65 characters', ...named([[{ type: OID.title, value: 'a'.repeat(65), string: 'utf8' }]])],
    [
      BOUNDS,
      'with an ST of 129 characters',
      ...named([[{ type: OID.stateOrProvinceName, value: 'a'.repeat(129), string: 'utf8' }]]),
    ],
    [BOUNDS, 'with a country of three letters', ...named([[{ ...FRANCE, value: 'FRA' }]])],
    [BOUNDS, 'with a country in small letters', ...named([[{ ...FRANCE, value: 'fr' }]])],
    [SAN, 'whose DNS names lack the CN', ...sans('autre.example.fr')],
    [SAN, 'with a wildcard', ...sans('serveur.example.fr', '*.example.fr')],
    [SAN, 'with an underscore in a DNS name', ...sans('serveur.example.fr', 'a_b.example.fr')],
    [SAN, 'with a trailing dot', ...sans('serveur.example.fr', 'autre.example.fr.')],
    [SAN, 'with a bare label', ...sans('serveur.example.fr', 'localhost')],
    [SAN, 'with a label of 64 characters', ...sans('serveur.example.fr', `${'a'.repeat(64)}.fr`)],
    [SAN, 'with the same DNS name twice', ...sans('serveur.example.fr', 'SERVEUR.example.fr')],
    [POINTS, 'with one pointer', ...pointers(HTTP)],
    [POINTS, 'with pointers in another order', ...pointers(LDAP, HTTP)],
    [POINTS, 'with a pointer that has a space', ...pointers(HTTP.replace('/CRL', '/C RL'), LDAP)],
    [POINTS, 'with a pointer that has a stray %', ...pointers(HTTP.replace('/CRL', '/C%RL'), LDAP)],
    ['RFC 5280 §4.2.1.15 Freshest CRL', 'with a delta by HTTP', saying(freshestCRL([HTTP])), { freshestUris: [HTTP] }],
    [
      'RFC 5280 §4.2.2.1 Authority Information Access',
      'with OCSP over https',
      saying(authorityInfoAccess({ ocsp: 'https://ocsp.example', caIssuers: CA_ISSUERS_URI })),
      { ocspUri: 'https://ocsp.example' },
    ],
    [
      'RFC 5280 §4.2.1.4 Certificate Policies',
      'with a CPS that is no URI',
      saying(certificatePolicies(POLICY.oid, 'PC')),
      { policy: { oid: POLICY.oid, cpsUri: 'PC' } },
    ],
    [
      'RFC 5280 §4.2.1.9 Basic Constraints, §4.2.1.3 Key Usage',
      'of an issuer that is no CA',
      changed({}),
      { issuer: server.certificate },
    ],
    [
      'RFC 5280 §4.2.1.13 CRL Distribution Points',
      'for which no pointers are expected',
      changed({}),
      { crlUris: undefined },
    ],
    [
      LIST,
      'with an extension that has no rule',
      changed({ extensions: [...FIELDS.extensions, { oid: '1.2.3', critical: false, value: NULL }] }),
      { extensions: [...EXPECTED.extensions, { oid: '1.2.3', critical: false }] },
    ],
  ] satisfies [string, string, Uint8Array, Expectation][])('%s: one %s', (rule, _, tbs, expected) => {
    expect(rulesOf(tbs, expected)).toContain(rule);
  });
});

describe('the findings', () => {
  it('are all there, each with its place and its remedy', () => {
    const tbs = changed({ serial: hex('01'), notAfter: CA_UNTIL, extensions: FIELDS.extensions.slice(1) });
    const { code, findings } = refusalOf(() => lintCertificate(tbs, EXPECTED));
    expect(code).toBe('lint_failed');
    expect(findings.map(({ at: place }) => place)).toEqual([
      'tbsCertificate.serialNumber',
      'tbsCertificate.validity',
      'tbsCertificate.extensions',
    ]);
    expect(findings.every(({ remedy }) => remedy !== undefined && remedy.length > 0)).toBe(true);
  });

  it('never repeat a name or a number from the certificate', () => {
    const expected = {
      ...EXPECTED,
      subject: buildName(serverName('b.fr')),
      subjectAltName: [{ dns: 'b.fr' }],
      productCategory: '03',
    };
    const { message, findings } = refusalOf(() => lintCertificate(changed({ serial: hex('7f') }), expected));
    expect(JSON.stringify([message, findings])).not.toMatch(/serveur|example|MINISTERE|300000000077081/);
    expect(findings.length).toBeGreaterThan(3);
  });

  it('blame every single octet that is altered', () => {
    const tbs = buildTbsCertificate(FIELDS);
    const serial = readDer(tbs).children[1];
    const first = (serial?.offset ?? 0) + 2;
    for (let index = 0; index < tbs.length; index += 1) {
      // another random serial is as good as the first
      if (index >= first && index < first + 16) continue;
      const altered = Uint8Array.from(tbs);
      altered[index] = (altered[index] ?? 0) ^ 0x01;
      expect(() => lintCertificate(altered, EXPECTED), `octet ${index}`).toThrow('before it could be signed');
    }
  });
});

describe('the certificate of a CA', () => {
  const rootKey = root.key;
  const rootCase = caFields('TEST AC RACINE', rootKey);
  const caCase = caFields('TEST AC ORGANISATIONS', ca.key, root);
  const replaced = (extensions: readonly Extension[], extension: Extension): Extension[] =>
    extensions.map((old) => (old.oid === extension.oid ? extension : old));
  const caRules = ({ fields, expected }: typeof caCase, change: Change): string[] =>
    refusalOf(() => lintCaCertificate(buildTbsCertificate({ ...fields, ...change }), expected)).findings.map(
      ({ rule }) => rule,
    );

  it('is signable as a root and as an intermediate', () => {
    for (const { fields, expected } of [rootCase, caCase]) {
      expect(lintCaCertificate(buildTbsCertificate(fields), expected).kind).toBe('certificate');
    }
  });

  it.each([
    ['RFC 5280 §4.2.1.9 Basic Constraints', 'a root with a pathLen', rootCase, basicConstraints(true, 1, true)],
    [
      'RFC 5280 §4.2.1.9 Basic Constraints',
      'an intermediate without a pathLen',
      caCase,
      basicConstraints(true, undefined, true),
    ],
    ['RFC 5280 §4.2.1.9 Basic Constraints', 'an intermediate with pathLen 1', caCase, basicConstraints(true, 1, true)],
    ['RFC 5280 §4.2.1.9 Basic Constraints', 'a CA that is none', caCase, basicConstraints(false, undefined, true)],
    [LIST, 'basicConstraints that are not critical', caCase, basicConstraints(true, 0, false)],
    [
      'RFC 5280 §4.2.1.3 Key Usage',
      'a CA that signs more than certificates and CRLs',
      caCase,
      keyUsage(['digitalSignature', 'keyCertSign', 'cRLSign']),
    ],
    ['RFC 5280 §4.2.1.4 Certificate Policies', 'another policy', caCase, certificatePolicies(POLICY.oid, CPS)],
    [
      'RFC 5280 §4.2.1.1 Authority Key Identifier',
      "an intermediate with its own key identifier as its root's",
      caCase,
      authorityKeyIdentifier(new Uint8Array(20)),
    ],
  ] as const)('is not signable by %s: %s', (rule, _, given, extension) => {
    expect(caRules(given, { extensions: replaced(given.fields.extensions, extension) })).toContain(rule);
  });

  it('has no pointers to OCSP, and a root none to a CRL', () => {
    const access = authorityInfoAccess({ ocsp: OCSP_URI, caIssuers: CA_ISSUERS_URI });
    expect(caRules(caCase, { extensions: [...caCase.fields.extensions, access] })).toContain(LIST);
    const withPoints = rootCase.fields.extensions.toSpliced(3, 0, cRLDistributionPoints(CRL_URIS));
    expect(caRules(rootCase, { extensions: withPoints })).toContain(LIST);
    expect(caRules(caCase, { extensions: [...caCase.fields.extensions, freshestCRL(FRESHEST_URIS)] })).toContain(LIST);
  });

  it('of an intermediate does not carry the key of its root, and that of a root its own', () => {
    const SPKI = 'RFC 5280 §4.1.2.7 Subject Public Key Info';
    expect(
      caRules({ ...caCase, expected: { ...caCase.expected, spki: rootKey.spki } }, { spki: rootKey.spki }),
    ).toContain(SPKI);
    expect(caRules(rootCase, { spki: ca.key.spki })).toContain(SPKI);
  });

  it('is not issued by something that is no CA', () => {
    const expected = { ...caCase.expected, issuer: server.certificate };
    expect(caRules({ ...caCase, expected }, {})).toContain('RFC 5280 §4.2.1.9 Basic Constraints, §4.2.1.3 Key Usage');
  });
});
