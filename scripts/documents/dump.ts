// One certificate of each profile as text that a registration officer can read: a change of a policy shows as a difference here.
// The holders are invented.

import { createHash } from 'node:crypto';
import { decide } from '../../src/policy/decide.ts';
import type { Holder } from '../../src/policy/holder.ts';
import type { Policies } from '../../src/policy/load.ts';
import { buildSignable } from '../../src/policy/plan.ts';
import { issuerOf, type Profile } from '../../src/policy/profile.ts';
import type { RequestedNames } from '../../src/policy/requested-names.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { describeExtension, describeKey, describeName, describeValidity, serialText, wordOf } from './describe.ts';
import { HOLDER_KEY, issuingCaOn, SERIAL, unsigned } from './fixed.ts';
import { outline } from './outline.ts';

const CREATED = new Date('2026-11-01T00:00:00.000Z');
const NOW = new Date('2026-11-23T09:30:15.000Z');

const HOSPITAL = {
  structIdNat: '10B0057881',
  name: 'CENTRE HOSPITALIER DE LA DEMONSTRATION DE PARIS',
  department: '75',
};
const PERSON = { familyName: 'MARTIN', givenName: 'CLAIRE' };
const EMAIL = 'claire.martin@ch-demonstration.fr';
const CARD = { number: '8025000001/2800636234' };

const NAMES: Readonly<Record<NonNullable<Profile['names']>['rule'], RequestedNames>> = {
  fqdn: { commonName: 'serveur.ch-demonstration.fr' },
  mailbox: { commonName: 'accueil@ch-demonstration.fr' },
  text: { commonName: 'Dossiers du centre hospitalier' },
};

/** An invented holder of the kind that the profile is for, with what it certifies of them. */
function holderFor({ holder, privateExtensions, subjectAltName, issuers }: Profile): Holder {
  const own = {
    ...(privateExtensions?.cardNumber === true ? { card: CARD } : {}),
    ...(subjectAltName?.rfc822Name === undefined ? {} : { email: EMAIL }),
  };
  switch (holder) {
    case 'structure':
      return { kind: 'structure', ...HOSPITAL };
    case 'professional':
      return { kind: 'professional', idNatPs: '899700075064', profession: 10, ...PERSON, ...own };
    case 'employee':
      return { kind: 'employee', structure: HOSPITAL, registryNumber: 'CPET0002', ...PERSON, ...own };
    case 'ca':
      return { kind: 'ca', id: issuers[0] ?? '' };
  }
}

/** The certificate of a profile for its invented holder, as it would be signed: decided and linted. */
function exampleOf(profile: Profile, policies: Policies): Certificate {
  const { hierarchy } = policies;
  const holder = holderFor(profile);
  const issuer = issuingCaOn(hierarchy, issuerOf(profile, holder), CREATED);
  const names = profile.names === undefined ? {} : NAMES[profile.names.rule];
  const plan = decide({ spki: HOLDER_KEY, holder, names }, { profile, hierarchy, issuer, serial: SERIAL, now: NOW });
  buildSignable(plan, issuer.certificate, policies);
  return unsigned(plan.fields);
}

/** The text of policies/dumps/<profile>.txt. */
export function dumpOf(profile: Profile, policies: Policies): string {
  const certificate = exampleOf(profile, policies);
  const { title, name } = profile;
  const lines = [
    `${name}: ${title.fr}`,
    `${' '.repeat(name.length)}  ${title.en}`,
    '',
    'An example for an invented holder, with a fixed key, serial and moment; the signature is left out.',
    '',
    ...field('version', ['3']),
    ...field('serialNumber', [`${serialText(certificate)} (${certificate.serial.length} octets)`]),
    ...field('signature', ['sha256WithRSAEncryption']),
    ...field('issuer', describeName(certificate.issuerName)),
    ...field('validity', describeValidity(certificate)),
    ...field('subject', describeName(certificate.subjectName)),
    ...field('public key', [describeKey(certificate.spki)]),
    '',
    'Extensions, in DER order',
    '',
    ...certificate.extensions.flatMap((extension) => {
      const [critical, ...says] = describeExtension(extension, certificate);
      return field(wordOf(extension.oid), [`${extension.oid}, ${critical}`, ...says]);
    }),
    '',
    `DER of the TBSCertificate: ${certificate.tbs.length} octets, SHA-256 ${createHash('sha256').update(certificate.tbs).digest('hex')}`,
    '',
    ...outline(certificate.tbs),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

const field = (name: string, values: readonly string[]): string[] =>
  values.map((value, index) => `${(index === 0 ? name : '').padEnd(24)}${value}`);
