// What a certificate of each profile is, written by hand from what is known of the certificates of IGC-Santé: object identifiers,
// criticality, values and string types. Nothing here is computed by the code that it judges. TEST branch; URLs of the demo.

import { hex, point, tlv } from './tlv.ts';

/** Attribute type, string type (`13` PrintableString, `0c` UTF8String) and value. */
type Attribute = readonly [type: string, string: '13' | '0c', value: string];

export type Expectation = {
  readonly profile: string;
  readonly issuer: string;
  readonly holder: object;
  readonly names?: { readonly commonName?: string; readonly dnsNames?: readonly string[] };
  readonly notBefore: string;
  readonly notAfter: string;
  /** RDNs in DER order; within an RDN in the order of their encodings */
  readonly subject: readonly (readonly Attribute[])[];
  /** OID, criticality and the DER inside extnValue; SKI and AKI stand for the two key identifiers */
  readonly extensions: readonly (readonly [oid: string, critical: boolean, value: string])[];
  /** what openssl prints of it */
  readonly openssl: { readonly keyUsage: string; readonly purposes: string; readonly alternativeNames?: string };
};

export const SKI = 'SKI';
export const AKI = 'AKI';

const C: readonly Attribute[] = [['2.5.4.6', '13', 'FR']];
const PARIS: readonly Attribute[] = [['2.5.4.8', '0c', 'Paris (75)']];

// CA:FALSE is an empty SEQUENCE, not critical
const BASIC_CONSTRAINTS = ['2.5.29.19', false, '3000'] as const;
const SUBJECT_KEY = ['2.5.29.14', false, SKI] as const;
const AUTHORITY_KEY = ['2.5.29.35', false, AKI] as const;
// bit 0 digitalSignature; bit 2 keyEncipherment; five or seven unused bits
const DIGITAL_SIGNATURE = ['2.5.29.15', true, '03020780'] as const;
const SIGNATURE_AND_ENCIPHERMENT = ['2.5.29.15', true, '030205a0'] as const;
// 1.2.250.1.213.1.7.2.1.1.1.1 with one qualifier, a CPS pointer
const POLICY = [
  '2.5.29.32',
  false,
  tlv(
    '30',
    tlv(
      '30',
      '060d2a817a01815501070201010101',
      tlv('30', tlv('30', '06082b06010505070201', tlv('16', hex('http://igc.demo.igc-sante.fr/PC%20TEST')))),
    ),
  ),
] as const;

const SERVER = '06082b06010505070301';
const CLIENT = '06082b06010505070302';
const OCSP_SIGNING = '06082b06010505070309';
const SMARTCARD = '060a2b060104018237140202';
const UPN = '060a2b060104018237140203';
const purposes = (...oids: string[]) => ['2.5.29.37', false, tlv('30', ...oids)] as const;
const upn = (name: string) => ['2.5.29.17', false, tlv('30', tlv('a0', UPN, tlv('a0', tlv('0c', hex(name)))))] as const;
const dnsNames = (...names: string[]) =>
  ['2.5.29.17', false, tlv('30', ...names.map((name) => tlv('82', hex(name))))] as const;

/** List over HTTP and LDAP, delta over LDAP alone, OCSP, and the issuer's certificate. */
function pointers(file: string, dn: string) {
  const ldap = `ldap://annuaire.demo.igc-sante.fr/${dn},ou=IGC-SANTE%20TEST,ou=0002%20187512751,o=ASIP-SANTE,c=FR`;
  const list = `${ldap}?certificaterevocationlist;binary?base?objectClass=pkiCA`;
  const delta = `${ldap}?deltarevocationlist;binary?base?objectClass=pkiCA`;
  const ocsp = tlv('30', '06082b06010505073001', tlv('86', hex('http://ocsp.demo.igc-sante.fr')));
  const certificate = tlv(
    '30',
    '06082b06010505073002',
    tlv('86', hex(`http://igc.demo.igc-sante.fr/AC%20TEST/${file}.cer`)),
  );
  return [
    ['2.5.29.31', false, tlv('30', point(`http://igc.demo.igc-sante.fr/CRL/${file}.crl`), point(list))],
    ['2.5.29.46', false, tlv('30', point(delta))],
    ['1.3.6.1.5.5.7.1.1', false, tlv('30', ocsp, certificate)],
  ] as const;
}

const EL_ORG = pointers(
  'ACI-EL-ORG-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20ELEMENTAIRE%20ORGANISATIONS,ou=TEST%20AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE',
);
const FO_PP = pointers(
  'ACI-FO-PP-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20FORT%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20FORT',
);
const ST_PP = pointers(
  'ACI-ST-PP-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20STANDARD%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20STANDARD',
);

// an OCTET STRING of one octet, INTEGERs, and a PrintableString
const SOFTWARE = ['1.2.250.1.71.1.2.5', false, '040183'] as const;
const CARD = ['1.2.250.1.71.1.2.5', false, '040180'] as const;
const CPS = ['1.2.250.1.71.1.2.2', false, '020100'] as const;
const CPE = ['1.2.250.1.71.1.2.2', false, '020102'] as const;
const DENTIST = ['1.2.250.1.71.1.2.7', false, '020128'] as const;
const cardNumber = (number: string) => ['1.2.250.1.71.1.2.3', false, tlv('13', hex(number))] as const;

const ANS = {
  kind: 'structure',
  structIdNat: '318751275100020',
  name: 'AGENCE DU NUMERIQUE EN SANTE',
  department: '75',
};
const ANS_RDNS: Expectation['subject'] = [
  C,
  PARIS,
  [['2.5.4.10', '0c', 'AGENCE DU NUMERIQUE EN SANTE']],
  [['2.5.4.11', '0c', '318751275100020']],
];
const THREE_YEARS = { notBefore: '2026-11-23T09:30:15.000Z', notAfter: '2029-11-23T09:30:15.000Z' };

export const EXPECTATIONS: readonly Expectation[] = [
  {
    profile: 'serv-ssl',
    issuer: 'ACI-EL-ORG-TEST',
    holder: ANS,
    names: { commonName: 'API.demo.igc-sante.fr', dnsNames: ['b.demo.igc-sante.fr', 'api.demo.igc-sante.fr'] },
    ...THREE_YEARS,
    subject: [...ANS_RDNS, [['2.5.4.3', '0c', 'api.demo.igc-sante.fr']]],
    extensions: [
      BASIC_CONSTRAINTS,
      SUBJECT_KEY,
      AUTHORITY_KEY,
      SIGNATURE_AND_ENCIPHERMENT,
      POLICY,
      purposes(SERVER, CLIENT),
      dnsNames('api.demo.igc-sante.fr', 'b.demo.igc-sante.fr'),
      ...EL_ORG,
      SOFTWARE,
    ],
    openssl: {
      keyUsage: 'Digital Signature, Key Encipherment',
      purposes: 'TLS Web Server Authentication, TLS Web Client Authentication',
      alternativeNames: 'DNS:api.demo.igc-sante.fr, DNS:b.demo.igc-sante.fr',
    },
  },
  {
    profile: 'org-auth-cli',
    issuer: 'ACI-EL-ORG-TEST',
    holder: { ...ANS, name: "AGENCE DES SYSTEMES D'INFORMATION PARTAGES DE SANTE", department: '21' },
    names: { commonName: 'rpps.tra.henix;asipsante.fr' },
    ...THREE_YEARS,
    subject: [
      C,
      [['2.5.4.8', '0c', "Côte-d'Or (21)"]],
      [['2.5.4.10', '0c', "AGENCE DES SYSTEMES D'INFORMATION PARTAG"]],
      [['2.5.4.11', '0c', '318751275100020']],
      [['2.5.4.3', '0c', 'rpps.tra.henix;asipsante.fr']],
    ],
    extensions: [
      BASIC_CONSTRAINTS,
      SUBJECT_KEY,
      AUTHORITY_KEY,
      DIGITAL_SIGNATURE,
      POLICY,
      purposes(CLIENT),
      ...EL_ORG,
      SOFTWARE,
    ],
    openssl: { keyUsage: 'Digital Signature', purposes: 'TLS Web Client Authentication' },
  },
  {
    profile: 'cps-auth',
    issuer: 'ACI-FO-PP-TEST',
    holder: {
      kind: 'professional',
      idNatPs: '899700041983',
      familyName: 'DENTISTE RPPS-ADELI',
      givenName: 'GERALDINE',
      profession: 40,
      card: { number: '8025000001/2500634598' },
    },
    ...THREE_YEARS,
    subject: [
      C,
      [['2.5.4.12', '0c', 'Chirurgien-Dentiste']],
      // the shorter encoding comes first in a SET OF
      [
        ['2.5.4.42', '0c', 'GERALDINE'],
        ['2.5.4.3', '0c', '899700041983'],
        ['2.5.4.4', '0c', 'DENTISTE RPPS-ADELI'],
      ],
    ],
    extensions: [
      BASIC_CONSTRAINTS,
      SUBJECT_KEY,
      AUTHORITY_KEY,
      DIGITAL_SIGNATURE,
      POLICY,
      purposes(CLIENT, SMARTCARD),
      upn('899700041983@carte-cps.fr'),
      ...FO_PP,
      CARD,
      CPS,
      cardNumber('8025000001/2500634598'),
      DENTIST,
    ],
    openssl: {
      keyUsage: 'Digital Signature',
      purposes: 'TLS Web Client Authentication, Microsoft Smartcard Login',
      alternativeNames: 'UPN::899700041983@carte-cps.fr',
    },
  },
  {
    profile: 'cpe-auth',
    issuer: 'ACI-ST-PP-TEST',
    holder: {
      kind: 'employee',
      structure: { structIdNat: '10B0057881', name: 'HOPITAL DES 3 DAMES', department: '75' },
      registryNumber: 'CPET0002',
      familyName: 'ADMINISTRATIF-CH057880002',
      givenName: 'CHARLES',
      card: { number: '8025000001/2600301752' },
    },
    ...THREE_YEARS,
    subject: [
      C,
      PARIS,
      [['2.5.4.10', '0c', 'HOPITAL DES 3 DAMES']],
      [['2.5.4.11', '0c', '10B0057881']],
      [['2.5.4.12', '0c', 'Personnel santé ou social']],
      [
        ['2.5.4.42', '0c', 'CHARLES'],
        ['2.5.4.3', '0c', '30B0057881/CPET0002'],
        ['2.5.4.4', '0c', 'ADMINISTRATIF-CH057880002'],
      ],
    ],
    extensions: [
      BASIC_CONSTRAINTS,
      SUBJECT_KEY,
      AUTHORITY_KEY,
      DIGITAL_SIGNATURE,
      POLICY,
      purposes(CLIENT, SMARTCARD),
      upn('30B0057881/CPET0002@carte-cps.fr'),
      ...ST_PP,
      CARD,
      CPE,
      cardNumber('8025000001/2600301752'),
    ],
    openssl: {
      keyUsage: 'Digital Signature',
      purposes: 'TLS Web Client Authentication, Microsoft Smartcard Login',
      alternativeNames: 'UPN::30B0057881/CPET0002@carte-cps.fr',
    },
  },
  {
    profile: 'ocsp-responder',
    issuer: 'ACI-EL-ORG-TEST',
    holder: { kind: 'ca', id: 'ACI-EL-ORG-TEST' },
    notBefore: '2026-11-23T09:30:15.000Z',
    notAfter: '2026-12-23T09:30:15.000Z',
    subject: [
      C,
      [['2.5.4.10', '0c', 'ASIP-SANTE']],
      [['2.5.4.11', '0c', '0002 187512751']],
      [['2.5.4.11', '0c', 'IGC-SANTE TEST']],
      [['2.5.4.3', '0c', 'OCSP TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS']],
    ],
    extensions: [
      BASIC_CONSTRAINTS,
      SUBJECT_KEY,
      AUTHORITY_KEY,
      DIGITAL_SIGNATURE,
      POLICY,
      purposes(OCSP_SIGNING),
      // NULL
      ['1.3.6.1.5.5.7.48.1.5', false, '0500'],
    ],
    openssl: { keyUsage: 'Digital Signature', purposes: 'OCSP Signing' },
  },
];
