// What the values of a profile must mean together, beyond their schema. Each finding has the JSON pointer of the value at fault.

import type { Finding } from '../errors.ts';
import type { Hierarchy } from './hierarchy.ts';
import { EACH_INTERMEDIATE, type Profile, ProfileSchema, SUBJECT_ATTRIBUTES } from './profile.ts';
import { functionFindings } from './profile-function.ts';
import { PLACEHOLDERS, placeholdersOf } from './subject.ts';

type Check = (profile: Profile, hierarchy: Hierarchy) => readonly (Finding | undefined)[];

const RULE = 'profile';
const unless = (holds: boolean, at: string, detail: string, rule = RULE): Finding | undefined =>
  holds ? undefined : { rule, at, detail };

/** What each key type can be used for by an end entity (RFC 3279 §2.3.1 RSA Keys, RFC 5480 §3 Key Usage Bits). */
const USABLE: Record<'rsa' | 'ec', readonly string[]> = {
  rsa: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment'],
  ec: ['digitalSignature', 'nonRepudiation', 'keyAgreement'],
};

const LONGEST_RESPONDER_DAYS = 30;

const checkIssuer: Check = ({ issuer, name, holder }, { suffix, authorities }) => {
  const intermediates = authorities.filter(({ kind }) => kind === 'intermediate');
  if (issuer === EACH_INTERMEDIATE) {
    const silent = intermediates.find(({ issues }) => !issues.includes(name));
    return [
      unless(holder === 'ca', '/holder', 'what each intermediate issues is for the intermediates themselves'),
      unless(silent === undefined, '/issuer', `the hierarchy does not let ${silent?.id} issue it`),
    ];
  }
  const ca = intermediates.find(({ id }) => id === issuer + suffix);
  if (ca === undefined) return [unless(false, '/issuer', `the hierarchy has no intermediate ${issuer}${suffix}`)];
  const others = intermediates.filter(({ id, issues }) => id !== ca.id && issues.includes(name));
  return [
    unless(holder !== 'ca', '/holder', 'a certificate for an intermediate comes from each-intermediate'),
    unless(ca.issues.includes(name), '/issuer', `the hierarchy does not let ${ca.id} issue it`),
    ...others.map(({ id }) => unless(false, '/issuer', `the hierarchy lets ${id} issue it too`)),
  ];
};

const checkKeyUsage: Check = ({ keys, keyUsage }) =>
  (['rsa', 'ec'] as const).flatMap((type) => {
    const usages = keyUsage[type];
    return [
      unless(
        (keys[type] === undefined) === (usages === undefined),
        `/keyUsage/${type}`,
        `keys and keyUsage both have ${type}, or neither`,
      ),
      ...(usages ?? []).map((usage, index) =>
        unless(USABLE[type].includes(usage), `/keyUsage/${type}/${index}`, `no usage of a key of type ${type}`),
      ),
    ];
  });

const checkPurposes: Check = ({ extendedKeyUsage: purposes, subjectAltName, issuedBy, issuer, status, validity }) => {
  const responder = purposes.includes('OCSPSigning');
  const at = '/extendedKeyUsage';
  return [
    unless(
      !purposes.includes('serverAuth') || subjectAltName?.dnsNames === true,
      at,
      'serverAuth needs DNS names',
      'RGS A4',
    ),
    unless(
      !purposes.includes('msSmartcardLogin') || subjectAltName?.userPrincipalName !== undefined,
      at,
      'msSmartcardLogin needs a UPN',
    ),
    unless(!responder || purposes.length === 1, at, 'OCSPSigning stands alone'),
    unless(
      !responder || (issuedBy === 'system' && issuer === EACH_INTERMEDIATE),
      at,
      'OCSPSigning is for the system, at each intermediate',
    ),
    unless(responder === (status === 'nocheck'), '/status', 'nocheck goes with OCSPSigning', 'RFC 6960 §4.2.2.2.1'),
    unless(
      !responder || (validity.days ?? Number.POSITIVE_INFINITY) <= LONGEST_RESPONDER_DAYS,
      '/validity',
      `a responder lives ${LONGEST_RESPONDER_DAYS} days at most`,
    ),
  ];
};

const checkHolderKind: Check = ({ holder, issuedBy, names, professions, privateExtensions }) => [
  unless(
    issuedBy !== 'order' || privateExtensions?.productCategory === 'software',
    '/issuedBy',
    'what is ordered is software; cards are the operator’s',
  ),
  unless(professions === undefined || holder === 'professional', '/professions', 'only a professional has one'),
  unless(
    (issuedBy === 'system') === (holder === 'ca'),
    '/issuedBy',
    'the system issues for authorities, and nobody else does',
  ),
  unless(names === undefined || holder === 'structure', '/names', 'only a structure names what it certifies'),
];

const checkNames: Check = ({ names }) => {
  if (names === undefined) return [];
  const { rule, most, internalSuffixes } = names;
  const many = rule !== 'text';
  return [
    unless(
      many === (most !== undefined),
      '/names/most',
      'rules fqdn and mailbox say how many names, rule text does not',
    ),
    unless(
      many === (internalSuffixes !== undefined),
      '/names/internalSuffixes',
      'rules fqdn and mailbox list internal suffixes, rule text does not',
    ),
  ];
};

/** RFC 5280 §4.2.1.6: a host or a mailbox that is certified stands in subjectAltName, and what stands there was named. */
const checkAlternativeNames: Check = ({ names, subjectAltName, holder }) => [
  unless(
    (subjectAltName?.dnsNames === true) === (names?.rule === 'fqdn'),
    '/subjectAltName/dnsNames',
    'DNS names and names of rule fqdn go together',
  ),
  unless(
    (subjectAltName?.emailAddresses === true) === (names?.rule === 'mailbox'),
    '/subjectAltName/emailAddresses',
    'mailboxes and names of rule mailbox go together',
  ),
  unless(
    subjectAltName?.rfc822Name === undefined || holder === 'professional' || holder === 'employee',
    '/subjectAltName/rfc822Name',
    'the mailbox of the holder is that of a person',
  ),
  unless(
    subjectAltName?.rfc822Name === undefined || subjectAltName.rfc822Name === '{email}',
    '/subjectAltName/rfc822Name',
    'a mailbox is certified as it was given: {email}',
  ),
];

/** RFC 5280 Appendix A.1 Upper Bounds: 64 for all but the name of a state or province. */
const boundOf = (type: string): number => (type === 'stateOrProvinceName' ? 128 : 64);

const checkSubject: Check = (profile, hierarchy) => {
  const texts = profile.subject.flatMap((rdn, index) =>
    SUBJECT_ATTRIBUTES.flatMap((type) =>
      rdn[type] === undefined ? [] : [{ type, text: rdn[type], at: `/subject/${index}/${type}` }],
    ),
  );
  const alternatives = (['userPrincipalName', 'rfc822Name'] as const).flatMap((type) => {
    const text = profile.subjectAltName?.[type];
    return text === undefined ? [] : [{ type, text, at: `/subjectAltName/${type}` }];
  });
  const templates = [...texts, ...alternatives];
  const longestIssuer = Math.max(...hierarchy.authorities.map(({ commonName }) => commonName.length));
  return [
    ...templates.flatMap(({ text, at }) => checkTemplate(text, at, profile.holder)),
    ...texts.map(({ type, text, at }) => {
      const length = text.replace(/\{issuerCommonName\}/g, 'x'.repeat(longestIssuer)).replace(/\{[^{}]*\}/g, '').length;
      return unless(
        length <= boundOf(type),
        at,
        `more than ${boundOf(type)} characters`,
        'RFC 5280 Appendix A.1 Upper Bounds',
      );
    }),
    ...texts.map(({ text, at }) =>
      unless(
        !placeholdersOf(text).includes('email'),
        at,
        'a mailbox stands in subjectAltName',
        'RFC 5280 §4.1.2.6 Subject',
      ),
    ),
    unless(
      (profile.names !== undefined) === texts.some(({ text }) => placeholdersOf(text).includes('commonName')),
      '/names',
      'names and the placeholder {commonName} go together',
    ),
  ];
};

function checkTemplate(text: string, at: string, holder: Profile['holder']): (Finding | undefined)[] {
  const unknown = placeholdersOf(text).filter((name) => !PLACEHOLDERS[holder].includes(name));
  return [
    ...unknown.map((name) => unless(false, at, `a ${holder} has no {${name}}`)),
    unless(!/[{}]/.test(text.replace(/\{[^{}]*\}/g, '')), at, 'a brace without its other half'),
  ];
}

const checkPrivateExtensions: Check = ({ privateExtensions: ours, holder, professions }) => {
  if (ours === undefined) return [];
  const card = ours.productCategory === 'card';
  const at = '/privateExtensions';
  return [
    unless(card === (ours.cardType !== undefined), `${at}/cardType`, 'a card has a type, software has none'),
    unless(card === (ours.cardNumber === true), `${at}/cardNumber`, 'a card has a number, software has none'),
    unless(
      !card || holder === 'professional' || holder === 'employee',
      `${at}/productCategory`,
      'a card is for a person',
    ),
    unless(
      (ours.profession === true) === (holder === 'professional' && professions === undefined),
      `${at}/profession`,
      'a profession goes with a professional, and not with one in training',
    ),
  ];
};

/** Terms of use §5.3.1: software certificates are in a directory. What nobody orders is not, nor is a mailbox that nobody gave. */
const checkPublication: Check = ({ publication: { certificate, mail }, subjectAltName, issuedBy }) => [
  unless(
    certificate === 'none' || issuedBy === 'order',
    '/publication/certificate',
    'what is ordered is public; a card and what the system needs are not',
    'terms of use §5.3.1',
  ),
  unless(
    mail === 'never' || certificate === 'public',
    '/publication/mail',
    'a mailbox is shown beside a public certificate',
  ),
  unless(
    mail === 'never' || subjectAltName?.rfc822Name !== undefined || subjectAltName?.emailAddresses === true,
    '/publication/mail',
    'there is no mailbox in the certificate that could be shown',
  ),
];

const checkWhy: Check = (profile) =>
  Object.keys(profile.why ?? {}).map((key) =>
    unless(key in ProfileSchema.properties, `/why/${key}`, 'a reason for a key that no profile has'),
  );

const CHECKS: readonly Check[] = [
  checkIssuer,
  checkKeyUsage,
  checkPurposes,
  checkHolderKind,
  checkNames,
  checkAlternativeNames,
  functionFindings,
  checkSubject,
  checkPrivateExtensions,
  checkPublication,
  checkWhy,
];

/** Every contradiction inside a profile and between it and the hierarchy; empty when there is none. */
export const profileFindings = (profile: Profile, hierarchy: Hierarchy): Finding[] =>
  CHECKS.flatMap((check) => check(profile, hierarchy)).filter((found) => found !== undefined);
