// The words of the hand-written expectations: what extensions, subjects and holders of the TEST branch look like in DER. Nothing
// here is computed by the code that it judges.

import type { RequestedNames } from '../../src/policy/requested-names.ts';
import { hex, point, tlv } from './tlv.ts';

/** Attribute type, string type (`13` PrintableString, `0c` UTF8String) and value. */
type Attribute = readonly [type: string, string: '13' | '0c', value: string];

export type Expectation = {
  readonly profile: string;
  readonly issuer: string;
  readonly holder: object;
  readonly names?: RequestedNames;
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

export const C: readonly Attribute[] = [['2.5.4.6', '13', 'FR']];
export const PARIS: readonly Attribute[] = [['2.5.4.8', '0c', 'Paris (75)']];

// CA:FALSE is an empty SEQUENCE, not critical
export const BASIC_CONSTRAINTS = ['2.5.29.19', false, '3000'] as const;
export const SUBJECT_KEY = ['2.5.29.14', false, SKI] as const;
export const AUTHORITY_KEY = ['2.5.29.35', false, AKI] as const;
// bit 0 digitalSignature; bit 2 keyEncipherment; five or seven unused bits
export const DIGITAL_SIGNATURE = ['2.5.29.15', true, '03020780'] as const;
export const SIGNATURE_AND_ENCIPHERMENT = ['2.5.29.15', true, '030205a0'] as const;
// bit 1 nonRepudiation, alone and with bit 0; bit 2 keyEncipherment
export const NON_REPUDIATION = ['2.5.29.15', true, '03020640'] as const;
export const SEAL = ['2.5.29.15', true, '030206c0'] as const;
export const KEY_ENCIPHERMENT = ['2.5.29.15', true, '03020520'] as const;
// 1.2.250.1.213.1.7.2.1.1.1.1 with one qualifier, a CPS pointer
export const POLICY = [
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

export const SERVER = '06082b06010505070301';
export const CLIENT = '06082b06010505070302';
export const EMAIL = '06082b06010505070304';
export const OCSP_SIGNING = '06082b06010505070309';
export const SMARTCARD = '060a2b060104018237140202';
const UPN = '060a2b060104018237140203';
export const purposes = (...oids: string[]) => ['2.5.29.37', false, tlv('30', ...oids)] as const;
export const upn = (name: string) =>
  ['2.5.29.17', false, tlv('30', tlv('a0', UPN, tlv('a0', tlv('0c', hex(name)))))] as const;
export const dnsNames = (...names: string[]) =>
  ['2.5.29.17', false, tlv('30', ...names.map((name) => tlv('82', hex(name))))] as const;

export const mailboxes = (...names: string[]) =>
  ['2.5.29.17', false, tlv('30', ...names.map((name) => tlv('81', hex(name))))] as const;
// [0] notBefore and [1] notAfter, each a GeneralizedTime without its tag: the validity below
export const USAGE_PERIOD = [
  '2.5.29.16',
  false,
  '3022800f32303236313132333039333031355a810f32303239313132333039333031355a',
] as const;

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

export const EL_ORG = pointers(
  'ACI-EL-ORG-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20ELEMENTAIRE%20ORGANISATIONS,ou=TEST%20AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE',
);
export const EL_PP = pointers(
  'ACI-EL-PP-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20ELEMENTAIRE%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE',
);
export const FO_PP = pointers(
  'ACI-FO-PP-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20FORT%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20FORT',
);
export const ST_PP = pointers(
  'ACI-ST-PP-TEST',
  'cn=TEST%20AC%20IGC-SANTE%20STANDARD%20PERSONNES,ou=TEST%20AC%20RACINE%20IGC-SANTE%20STANDARD',
);

// an OCTET STRING of one octet, INTEGERs, and a PrintableString
export const SOFTWARE = ['1.2.250.1.71.1.2.5', false, '040183'] as const;
export const CARD = ['1.2.250.1.71.1.2.5', false, '040180'] as const;
export const CPS = ['1.2.250.1.71.1.2.2', false, '020100'] as const;
export const CPE = ['1.2.250.1.71.1.2.2', false, '020102'] as const;
export const CPF = ['1.2.250.1.71.1.2.2', false, '020101'] as const;
export const CDA_CPA = ['1.2.250.1.71.1.2.2', false, '020103'] as const;
export const MIDWIFE = ['1.2.250.1.71.1.2.7', false, '020132'] as const;
export const NURSE = ['1.2.250.1.71.1.2.7', false, '02013c'] as const;
export const DENTIST = ['1.2.250.1.71.1.2.7', false, '020128'] as const;
export const cardNumber = (number: string) => ['1.2.250.1.71.1.2.3', false, tlv('13', hex(number))] as const;

export const THREE_YEARS = { notBefore: '2026-11-23T09:30:15.000Z', notAfter: '2029-11-23T09:30:15.000Z' };

export const ANS = {
  kind: 'structure',
  structIdNat: '318751275100020',
  name: 'AGENCE DU NUMERIQUE EN SANTE',
  department: '75',
};
export const ANS_RDNS: Expectation['subject'] = [
  C,
  PARIS,
  [['2.5.4.10', '0c', 'AGENCE DU NUMERIQUE EN SANTE']],
  [['2.5.4.11', '0c', '318751275100020']],
];

export const EMPLOYEE = {
  kind: 'employee',
  structure: { structIdNat: '10B0057881', name: 'HOPITAL DES 3 DAMES', department: '75' },
  registryNumber: 'CPET0002',
  familyName: 'ADMINISTRATIF-CH057880002',
  givenName: 'CHARLES',
};
