import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyPolicies, type PoliciesCopy } from './policies-copy.ts';

let copy: PoliciesCopy;
beforeEach(() => {
  copy = copyPolicies();
});
afterEach(() => copy.remove());

type Mistake = [pointer: string, value: unknown, detail: string, at?: string];

/** One value changed in one profile; the finding is at that value unless the mistake says where. */
function refusedWith(profile: string, [pointer, value, detail, at = pointer]: Mistake): void {
  const file = `profiles/${profile}.yaml`;
  copy.set(file, pointer, value);
  expect(copy.refused()).toContainEqual([`${file}#${at}`, expect.stringContaining(detail)]);
}

describe('serv-ssl is refused by its schema', () => {
  it.each<Mistake>([
    ['/validty', { years: 3 }, 'this key is unknown'],
    ['/keys/rsa/size', 2048, 'this key is unknown'],
    ['/subject/1/localityName', 'Paris', 'this key is unknown'],
    ['/validity', undefined, 'must have required properties validity', ''],
    ['/validity', {}, 'must not have fewer than 1 properties'],
    ['/validity/years', 0, 'must be >= 1'],
    ['/validity/years', 4, 'must be <= 3'],
    ['/validity/years', '3', 'must be integer'],
    ['/validity/days', 1, 'must not have more than 1 properties', '/validity'],
    ['/keys', {}, 'must not have fewer than 1 properties'],
    ['/keys/rsa/sizes', [], 'must not have fewer than 1 items'],
    ['/keys/rsa/sizes/0', 1024, 'one of the allowed values: 2048, 3072, 4096'],
    ['/keys/ec/curves/1', 'P-521', 'one of the allowed values: P-256, P-384'],
    ['/subject', [], 'must not have fewer than 1 items'],
    ['/subject/0', {}, 'must not have fewer than 1 properties'],
    ['/subject/0/countryName', 'fr', 'must match pattern'],
    ['/keyUsage/rsa', [], 'must not have fewer than 1 items'],
    ['/keyUsage/rsa/0', 'keyCertSign', 'one of the allowed values: digitalSignature, nonRepudiation'],
    ['/extendedKeyUsage', [], 'must not have fewer than 1 items'],
    ['/extendedKeyUsage', ['clientAuth', 'clientAuth'], 'must not have duplicate items'],
    ['/extendedKeyUsage/0', 'anyExtendedKeyUsage', 'one of the allowed values: serverAuth, clientAuth'],
    ['/issuedBy', 'anyone', 'one of the allowed values: order, operator, system'],
    ['/issuer', 'aci-el-org', 'must match pattern'],
    ['/names/rule', 'any', 'one of the allowed values: fqdn, mailbox, text'],
    ['/names/internalSuffixes/0', '.local', 'must match pattern'],
    ['/subjectAltName', {}, 'must not have fewer than 1 properties'],
    ['/privateExtensions/productCategory', '83', 'one of the allowed values: card, software'],
    ['/status', 'none', 'one of the allowed values: pointers, nocheck'],
    ['/publication', undefined, 'must have required properties publication', ''],
    ['/publication/certificate', 'members', 'one of the allowed values: public, none'],
    ['/publication/mail', 'public', 'one of the allowed values: consent, never'],
    ['/publication/name', 'public', 'this key is unknown'],
    ['/title/en', undefined, 'must have required properties en', '/title'],
    ['/why/keys', 'because', 'must not have fewer than 10 characters'],
  ])('where %s is %j', (...mistake) => refusedWith('serv-ssl', mistake));
});

describe('serv-ssl is refused for what it means', () => {
  it.each<Mistake>([
    ['/name', 'serv-tls', 'the name is that of the file without .yaml'],
    ['/issuer', 'ACI-XX-ORG', 'the hierarchy has no intermediate ACI-XX-ORG-TEST'],
    ['/issuer', 'ACR-EL', 'the hierarchy has no intermediate ACR-EL-TEST'],
    ['/issuer', 'ACI-EL-PP', 'the hierarchy does not let ACI-EL-PP-TEST issue it'],
    ['/keyUsage/ec', ['keyEncipherment'], 'no usage of a key of type ec', '/keyUsage/ec/0'],
    ['/keyUsage/rsa', ['keyAgreement'], 'no usage of a key of type rsa', '/keyUsage/rsa/0'],
    ['/keyUsage/ec', undefined, 'keys and keyUsage both have ec, or neither'],
    ['/subjectAltName', undefined, 'serverAuth needs DNS names', '/extendedKeyUsage'],
    ['/names', { rule: 'text' }, 'DNS names and names of rule fqdn go together', '/subjectAltName/dnsNames'],
    ['/names/most', undefined, 'rules fqdn and mailbox say how many names'],
    ['/names/internalSuffixes', undefined, 'rules fqdn and mailbox list internal suffixes'],
    ['/subject/4', { commonName: 'fixed' }, 'names and the placeholder {commonName} go together', '/names'],
    ['/subject/1/stateOrProvinceName', '{profession}', 'a structure has no {profession}'],
    ['/status', 'nocheck', 'nocheck goes with OCSPSigning'],
    ['/privateExtensions/cardNumber', true, 'a card has a number, software has none'],
    ['/privateExtensions/cardType', 0, 'a card has a type, software has none'],
    [
      '/privateExtensions',
      { productCategory: 'card', cardType: 0, cardNumber: true },
      'a card is for a person',
      '/privateExtensions/productCategory',
    ],
    ['/publication/mail', 'consent', 'there is no mailbox in the certificate that could be shown'],
    ['/why/colour', 'a reason for nothing', 'a reason for a key that no profile has'],
  ])('where %s is %j', (...mistake) => refusedWith('serv-ssl', mistake));

  it('where the hierarchy lets a second authority issue it', () => {
    copy.set('hierarchy/test.yaml', '/intermediates/5/issues/7', 'serv-ssl');
    expect(copy.refused()).toEqual([
      ['profiles/serv-ssl.yaml#/issuer', 'the hierarchy lets ACI-EL-PP-TEST issue it too'],
    ]);
  });
});

describe('org-auth-cli is refused for what it means', () => {
  it.each<Mistake>([
    ['/names', undefined, 'names and the placeholder {commonName} go together'],
    ['/names/most', 1, 'rules fqdn and mailbox say how many names, rule text does not'],
    ['/issuedBy', 'system', 'the system issues for authorities, and nobody else does'],
    ['/issuer', 'each-intermediate', 'what each intermediate issues is for the intermediates themselves', '/holder'],
    ['/extendedKeyUsage', ['OCSPSigning'], 'OCSPSigning is for the system, at each intermediate'],
  ])('where %s is %j', (...mistake) => refusedWith('org-auth-cli', mistake));
});

describe('cps-auth is refused for what it means', () => {
  it.each<Mistake>([
    ['/issuedBy', 'order', 'what is ordered is software'],
    ['/keyUsage/ec', ['digitalSignature'], 'keys and keyUsage both have ec, or neither'],
    ['/keys/ec', { curves: ['P-256'] }, 'keys and keyUsage both have ec, or neither', '/keyUsage/ec'],
    ['/subjectAltName', undefined, 'msSmartcardLogin needs a UPN', '/extendedKeyUsage'],
    ['/subjectAltName/userPrincipalName', '{idnat}@carte-cps.fr', 'a professional has no {idnat}'],
    ['/names', { rule: 'text' }, 'only a structure names what it certifies'],
    ['/privateExtensions/cardType', undefined, 'a card has a type, software has none'],
    ['/privateExtensions/cardNumber', undefined, 'a card has a number, software has none'],
    ['/privateExtensions/profession', undefined, 'a profession goes with a professional'],
    ['/professions', 'in-training', 'and not with one in training', '/privateExtensions/profession'],
    ['/professions', 'all', 'must be equal to constant'],
    ['/publication/certificate', 'public', 'a card and what the system needs are not'],
    ['/publication/mail', 'consent', 'a mailbox is shown beside a public certificate'],
  ])('where %s is %j', (...mistake) => refusedWith('cps-auth', mistake));
});

describe('cpe-auth is refused for what it means', () => {
  it.each<Mistake>([
    ['/subject/4/title', 'Personnel {department', 'a brace without its other half'],
    ['/subject/4/title', 'x'.repeat(65), 'more than 64 characters'],
    ['/privateExtensions/profession', true, 'a profession goes with a professional'],
  ])('where %s is %j', (...mistake) => refusedWith('cpe-auth', mistake));
});

describe('a profile that mixes functions is refused:', () => {
  it.each<[profile: string, ...Mistake]>([
    ['org-sign', '/keyUsage/rsa/2', 'keyEncipherment', 'no function, or more than one', '/keyUsage/rsa'],
    ['org-sign', '/extendedKeyUsage/1', 'clientAuth', 'no function, or more than one', '/keyUsage/rsa'],
    ['org-sign', '/extendedKeyUsage', ['clientAuth'], 'no function, or more than one', '/keyUsage/ec'],
    ['org-sign', '/keyUsage/ec', ['digitalSignature'], 'keys of different types have different functions', '/keyUsage'],
    ['org-sign', '/privateKeyUsagePeriod', undefined, 'a signature profile says how long its key may sign'],
    ['org-sign', '/privateKeyUsagePeriod', 'years', 'must be equal to constant'],
    ['org-conf', '/keyUsage/rsa/1', 'digitalSignature', 'no function, or more than one', '/keyUsage/rsa'],
    ['org-conf', '/keyUsage/rsa/1', 'dataEncipherment', 'no function, or more than one', '/keyUsage/rsa'],
    ['org-conf', '/privateKeyUsagePeriod', 'validity', 'only a signature profile has a period of use'],
    ['org-auth-cli', '/keyUsage/rsa/1', 'keyEncipherment', 'no function, or more than one', '/keyUsage/rsa'],
    ['org-auth-cli', '/keyUsage/rsa/1', 'nonRepudiation', 'no function, or more than one', '/keyUsage/rsa'],
    ['serv-smime', '/keyUsage/rsa/1', 'keyEncipherment', 'no function, or more than one', '/keyUsage/rsa'],
    ['serv-ssl', '/keyUsage/rsa', ['digitalSignature', 'nonRepudiation'], 'no function, or more than one'],
    ['serv-ssl', '/extendedKeyUsage/2', 'emailProtection', 'no function, or more than one', '/keyUsage/rsa'],
    [
      'cps-sign',
      '/extendedKeyUsage',
      ['emailProtection', 'clientAuth'],
      'no function, or more than one',
      '/keyUsage/rsa',
    ],
    ['cps-auth', '/keyUsage/rsa', ['digitalSignature', 'nonRepudiation'], 'no function, or more than one'],
  ])('%s where %s is %j', (profile, ...mistake) => refusedWith(profile, mistake));
});

describe('a mailbox stands where it belongs, so', () => {
  it.each<[profile: string, ...Mistake]>([
    ['ps-sign', '/subjectAltName/rfc822Name', '{mail}', 'a professional has no {mail}'],
    ['ps-sign', '/subjectAltName/rfc822Name', '{idNatPs}@exemple.fr', 'a mailbox is certified as it was given'],
    ['ps-sign', '/subjectAltName/emailAddresses', true, 'must not have more than 1 properties', '/subjectAltName'],
    ['ps-sign', '/subjectAltName', { emailAddresses: true }, 'names of rule mailbox', '/subjectAltName/emailAddresses'],
    ['ps-sign', '/subject/1/title', '{email}', 'a mailbox stands in subjectAltName'],
    [
      'org-sign',
      '/subjectAltName',
      { rfc822Name: '{email}' },
      'a structure has no {email}',
      '/subjectAltName/rfc822Name',
    ],
    ['serv-smime', '/subjectAltName', undefined, 'names of rule mailbox', '/subjectAltName/emailAddresses'],
    ['serv-smime', '/subjectAltName', { dnsNames: true }, 'names of rule fqdn', '/subjectAltName/dnsNames'],
    ['serv-smime', '/names/rule', 'fqdn', 'names of rule mailbox', '/subjectAltName/emailAddresses'],
    ['serv-smime', '/names/most', undefined, 'rules fqdn and mailbox say how many names'],
    ['org-sign', '/professions', 'in-training', 'only a professional has one'],
    [
      'pro-sign',
      '/privateExtensions',
      { productCategory: 'card', cardType: 2, cardNumber: true },
      'what is ordered is software',
      '/issuedBy',
    ],
    ['pro-sign', '/privateExtensions', undefined, 'what is ordered is software', '/issuedBy'],
  ])('%s is refused where %s is %j', (profile, ...mistake) => refusedWith(profile, mistake));
});

describe('ocsp-responder is refused for what it means', () => {
  it.each<Mistake>([
    ['/validity/days', 31, 'a responder lives 30 days at most', '/validity'],
    ['/validity', { years: 1 }, 'a responder lives 30 days at most'],
    ['/status', 'pointers', 'nocheck goes with OCSPSigning'],
    ['/extendedKeyUsage/1', 'clientAuth', 'OCSPSigning stands alone', '/extendedKeyUsage'],
    ['/issuer', 'ACI-EL-ORG', 'a certificate for an intermediate comes from each-intermediate', '/holder'],
    ['/subject/0/commonName', 'Online Certificate Status Protocol {issuerCommonName}', 'more than 64 characters'],
  ])('where %s is %j', (...mistake) => refusedWith('ocsp-responder', mistake));

  it('where an intermediate of the hierarchy does not issue it', () => {
    copy.set('hierarchy/test.yaml', '/intermediates/0/issues', []);
    const detail = 'the hierarchy does not let ACI-FO-ORG-TEST issue it';
    expect(copy.refused()).toEqual([['profiles/ocsp-responder.yaml#/issuer', detail]]);
  });
});
