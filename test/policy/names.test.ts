import { describe, expect, it } from 'vitest';
import { decideNames } from '../../src/policy/names.ts';
import type { RequestedNames } from '../../src/policy/requested-names.ts';
import type { CertificationRequest } from '../../src/x509/csr.ts';
import type { NameAttribute } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { profileOf } from './policies.ts';

type Written = {
  commonNames?: string[];
  string?: NameAttribute['string'];
  dnsNames?: string[];
  emailAddresses?: string[];
  otherNames?: string[];
};

/** What of a CSR the names depend on; everything else is out of the question here. */
const csr = ({ commonNames = [], string = 'utf8', ...written }: Written): CertificationRequest => ({
  der: new Uint8Array(),
  info: new Uint8Array(),
  subject: [
    [{ type: OID.countryName, value: 'DE', string: 'printable' }],
    ...commonNames.map((value) => [{ type: OID.commonName, value, string }]),
  ],
  spki: new Uint8Array(),
  extensions: [],
  dnsNames: written.dnsNames ?? [],
  emailAddresses: written.emailAddresses ?? [],
  otherNames: written.otherNames ?? [],
  signatureAlgorithm: 'sha256WithRSAEncryption',
  signature: new Uint8Array(),
});

const decided = (profile: string, requested: RequestedNames, written?: Written) =>
  decideNames(profileOf(profile), requested, written && csr(written));
const names = (profile: string, requested: RequestedNames, written?: Written) => {
  const { names: certified, found } = decided(profile, requested, written);
  expect(found).toEqual([]);
  return certified;
};
const refused = (profile: string, requested: RequestedNames, written?: Written) =>
  decided(profile, requested, written).found.map(({ code, finding }) => [code, finding.at, finding.detail]);

const A = 'a.exemple.fr';
const B = 'b.exemple.fr';
const M = 'accueil@a.exemple.fr';
const N = 'Urgences@a.exemple.fr';
const NOT_AMONG = 'the CN is not among the DNS names';

describe('the names of a server', () => {
  it.each<[string, RequestedNames, Written | undefined, string[]]>([
    ['the common name of the JSON', { commonName: A }, undefined, [A]],
    ['the DNS names of the JSON, the first being the CN', { dnsNames: [A, B] }, undefined, [A, B]],
    ['both of the JSON, the CN first', { commonName: B, dnsNames: [A, B] }, undefined, [B, A]],
    ['the CN of the CSR when it has no DNS name', {}, { commonNames: [A] }, [A]],
    ['the DNS names of the CSR when it has no CN', {}, { dnsNames: [A, B] }, [A, B]],
    ['both of the CSR, the CN first', {}, { commonNames: [B], dnsNames: [A, B] }, [B, A]],
    ['the CN of the JSON and the DNS names of the CSR', { commonName: B }, { dnsNames: [A, B] }, [B, A]],
    ['the DNS names of the JSON and the CN of the CSR', { dnsNames: [A, B] }, { commonNames: [B] }, [B, A]],
    ['the same in both, order not counting', { dnsNames: [B, A] }, { dnsNames: [A, B] }, [B, A]],
    ['the same in both, case not counting', { commonName: 'A.exemple.FR' }, { commonNames: ['a.EXEMPLE.fr'] }, [A]],
    ['those of the CSR where the JSON has an empty list', { dnsNames: [] }, { dnsNames: [A] }, [A]],
  ])('are %s', (_, requested, written, expected) => {
    expect(names('serv-ssl', requested, written)).toEqual({
      commonName: expected[0],
      dnsNames: expected,
      emailAddresses: [],
    });
  });

  it.each<[string, RequestedNames, Written, string]>([
    ['common names', { commonName: A }, { commonNames: [B] }, '/names/commonName'],
    ['DNS names', { dnsNames: [A] }, { dnsNames: [A, B] }, '/names/dnsNames'],
    ['DNS names, more in the JSON', { dnsNames: [A, B] }, { dnsNames: [A] }, '/names/dnsNames'],
  ])('are refused where JSON and CSR have different %s', (_, requested, written, at) => {
    const codes = refused('serv-ssl', requested, written);
    expect(codes.map(([code, place]) => [code, place])).toContainEqual(['name_conflict', at]);
  });

  it.each<[string, RequestedNames, Written | undefined, unknown[]]>([
    ['there is none', {}, {}, ['name_not_allowed', '/names', 'neither a CN nor a DNS name is given']],
    [
      'there is neither CSR nor JSON',
      {},
      undefined,
      ['name_not_allowed', '/names', 'neither a CN nor a DNS name is given'],
    ],
    [
      'the CN of the JSON is not among its DNS names',
      { commonName: A, dnsNames: [B] },
      undefined,
      ['name_not_allowed', '/names/commonName', NOT_AMONG],
    ],
    [
      'the CN of the CSR is not among its DNS names',
      {},
      { commonNames: [A], dnsNames: [B] },
      ['name_not_allowed', 'certificationRequestInfo.subject.commonName', NOT_AMONG],
    ],
    [
      'a name stands twice',
      { dnsNames: [A, 'A.EXEMPLE.FR'] },
      undefined,
      ['name_not_allowed', '/names/dnsNames/1', 'this name stands twice'],
    ],
    [
      'the CSR asks for an IP address',
      {},
      { commonNames: [A], otherNames: ['iPAddress'] },
      [
        'name_not_allowed',
        'certificationRequestInfo.attributes.extensionRequest.subjectAltName',
        'a name of kind iPAddress',
      ],
    ],
    [
      'the CSR asks for a mailbox',
      {},
      { commonNames: [A], emailAddresses: [M] },
      [
        'name_not_allowed',
        'certificationRequestInfo.attributes.extensionRequest.subjectAltName',
        'a name of kind rfc822Name',
      ],
    ],
    [
      'the JSON has a mailbox',
      { commonName: A, emailAddresses: [M] },
      undefined,
      ['name_not_allowed', '/names/emailAddresses', 'this profile takes no mailboxes'],
    ],
    [
      'the CSR has two common names',
      {},
      { commonNames: [A, A] },
      ['name_not_allowed', 'certificationRequestInfo.subject.commonName', 'the CSR has more than one common name'],
    ],
    [
      'the CN of the CSR is a TeletexString',
      {},
      { commonNames: [A], string: 'other' },
      [
        'name_not_allowed',
        'certificationRequestInfo.subject.commonName',
        'the common name is neither a UTF8String nor a PrintableString',
      ],
    ],
    [
      'the CN of the CSR is no host',
      {},
      { commonNames: ['mon_serveur.exemple.fr'] },
      [
        'name_not_allowed',
        'certificationRequestInfo.subject.commonName',
        'an underscore is no character of a host name',
      ],
    ],
    [
      'a DNS name of the CSR is a wildcard',
      {},
      { dnsNames: ['*.exemple.fr'] },
      [
        'name_not_allowed',
        'certificationRequestInfo.attributes.extensionRequest.subjectAltName.0',
        'a wildcard: every host is named',
      ],
    ],
  ])('are refused where %s', (_, requested, written, finding) => {
    expect(refused('serv-ssl', requested, written)).toEqual([finding]);
  });

  it('may be 100 and no more, and more are not looked into', () => {
    const many = Array.from({ length: 100 }, (_, index) => `h${index}.exemple.fr`);
    expect(names('serv-ssl', { dnsNames: many }).dnsNames).toHaveLength(100);
    const more = Array.from({ length: 5_000 }, () => '*');
    expect(refused('serv-ssl', { dnsNames: more })).toEqual([['name_not_allowed', '/names/dnsNames', '5000 names']]);
  });

  it('of more than 64 characters may stand among the DNS names but not as the CN', () => {
    const long = `${'a'.repeat(60)}.exemple.fr`;
    expect(names('serv-ssl', { dnsNames: [A, long] }).commonName).toBe(A);
    expect(refused('serv-ssl', { dnsNames: [long, A] })).toEqual([
      ['name_not_allowed', '/names/dnsNames/0', 'a CN has at most 64 characters'],
    ]);
  });

  it('get every finding at once', () => {
    const codes = refused('serv-ssl', { commonName: A, dnsNames: ['*.exemple.fr', '192.0.2.1'] }, { commonNames: [B] });
    expect(codes.map(([, at]) => at)).toEqual([
      '/names/commonName',
      '/names/dnsNames/0',
      '/names/dnsNames/1',
      '/names/commonName',
    ]);
  });
});

describe('the mailboxes of a server', () => {
  const mailboxes = (...expected: string[]) => ({ commonName: expected[0], dnsNames: [], emailAddresses: expected });

  it.each<[string, RequestedNames, Written | undefined, string[]]>([
    ['the common name of the JSON', { commonName: M }, undefined, [M]],
    ['the mailboxes of the JSON, the first being the CN', { emailAddresses: [M, N] }, undefined, [M, N]],
    ['both of the JSON, the CN first', { commonName: N, emailAddresses: [M, N] }, undefined, [N, M]],
    ['those of the CSR, the CN first', {}, { commonNames: [N], emailAddresses: [M, N] }, [N, M]],
    [
      'the same in both, the case of the domain not counting',
      { commonName: M },
      { commonNames: ['accueil@A.exemple.FR'] },
      [M],
    ],
    ['in lower case after the @ and as given before it', { commonName: 'Urgences@A.Exemple.fr' }, undefined, [N]],
  ])('are %s', (_, requested, written, expected) => {
    expect(names('serv-smime', requested, written)).toEqual(mailboxes(...expected));
  });

  it.each<[string, RequestedNames, Written | undefined, [code: string, at: string]]>([
    ['there is none', {}, undefined, ['name_not_allowed', '/names']],
    ['the CN is a host', { commonName: A }, undefined, ['name_not_allowed', '/names/commonName']],
    ['the JSON has a DNS name', { commonName: M, dnsNames: [A] }, undefined, ['name_not_allowed', '/names/dnsNames']],
    [
      'the CSR has a DNS name',
      { commonName: M },
      { dnsNames: [A] },
      ['name_not_allowed', 'certificationRequestInfo.attributes.extensionRequest.subjectAltName'],
    ],
    [
      'the CN is not among them',
      { commonName: N, emailAddresses: [M] },
      undefined,
      ['name_not_allowed', '/names/commonName'],
    ],
    [
      'JSON and CSR differ',
      { emailAddresses: [M] },
      { emailAddresses: [N] },
      ['name_conflict', '/names/emailAddresses'],
    ],
    [
      'JSON and CSR differ in the case of the local part',
      { commonName: N },
      { commonNames: ['urgences@a.exemple.fr'] },
      ['name_conflict', '/names/commonName'],
    ],
    [
      'one stands twice, case not counting',
      { emailAddresses: [M, 'ACCUEIL@a.exemple.fr'] },
      undefined,
      ['name_not_allowed', '/names/emailAddresses/1'],
    ],
    [
      'there are eleven',
      { emailAddresses: Array.from({ length: 11 }, (__, index) => `b${index}@a.exemple.fr`) },
      undefined,
      ['name_not_allowed', '/names/emailAddresses'],
    ],
    [
      'the first has more than 64 characters',
      { emailAddresses: [`${'a'.repeat(60)}@a.exemple.fr`, M] },
      undefined,
      ['name_not_allowed', '/names/emailAddresses/0'],
    ],
  ])('are refused where %s', (_, requested, written, expected) => {
    expect(refused('serv-smime', requested, written).map(([code, at]) => [code, at])).toEqual([expected]);
  });
});

describe('the name of a service', () => {
  it.each([
    'apibi.gateway_ANS',
    'signature rpps',
    'rpps.tra.henix;asipsante.fr',
    'INSI-AUTO',
    'Hôpital № 1',
    "'; drop table--",
    'a'.repeat(64),
  ])('is free text: %s', (commonName) => {
    const expected = { commonName, dnsNames: [], emailAddresses: [] };
    expect(names('org-auth-cli', { commonName })).toEqual(expected);
    expect(names('org-auth-cli', {}, { commonNames: [commonName] })).toEqual(expected);
  });

  it('keeps its case, and two spellings differ', () => {
    expect(refused('org-auth-cli', { commonName: 'DRIMbox' }, { commonNames: ['drimbox'] })).toEqual([
      ['name_conflict', '/names/commonName', 'the common name of the JSON is not that of the CSR'],
    ]);
  });

  it('is all that is taken from a CSR: its DNS names are not looked at', () => {
    const written = { commonNames: ['DRIMbox'], dnsNames: ['*.exemple.fr'], otherNames: ['iPAddress'] };
    expect(names('org-auth-cli', {}, written)).toEqual({
      commonName: 'DRIMbox',
      dnsNames: [],
      emailAddresses: [],
    });
  });

  it.each<[string, RequestedNames, string]>([
    ['nothing', {}, '/names/commonName'],
    ['empty text', { commonName: '' }, '/names/commonName'],
    ['spaces', { commonName: '   ' }, '/names/commonName'],
    ['65 characters', { commonName: 'a'.repeat(65) }, '/names/commonName'],
    ['a NUL', { commonName: 'a\0b' }, '/names/commonName'],
    ['a line break', { commonName: 'a\nb' }, '/names/commonName'],
    ['a bidirectional control', { commonName: 'a\u202eb' }, '/names/commonName'],
    ['a zero-width space', { commonName: 'a\u200bb' }, '/names/commonName'],
    ['text that is not in normalisation form C', { commonName: 'e\u0301' }, '/names/commonName'],
    ['a lone surrogate', { commonName: 'a\ud800' }, '/names/commonName'],
    ['a DNS name', { commonName: 'DRIMbox', dnsNames: [A] }, '/names/dnsNames'],
    ['a mailbox', { commonName: 'DRIMbox', emailAddresses: [M] }, '/names/emailAddresses'],
  ])('is not %s', (_, requested, at) => {
    expect(refused('org-auth-cli', requested)).toEqual([['name_not_allowed', at, expect.any(String)]]);
  });
});

describe('the names of a card', () => {
  it('follow from the holder, whatever the CSR says', () => {
    const written = { commonNames: ['somebody else'], dnsNames: [A], otherNames: ['otherName'] };
    expect(names('cps-auth', {}, written)).toEqual({ commonName: '', dnsNames: [], emailAddresses: [] });
  });

  it.each([{ commonName: A }, { dnsNames: [A] }, { emailAddresses: [M] }])(
    'are refused in the JSON: %j',
    (requested) => {
      expect(refused('cpe-auth', requested)).toEqual([
        ['name_not_allowed', '/names', 'this profile takes no names: they follow from the holder'],
      ]);
    },
  );
});
