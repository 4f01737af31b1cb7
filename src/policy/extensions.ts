// The extensions of an end-entity certificate from its profile, in the order of IGC-Santé's certificates until 2022. The order
// carries no meaning, but software in the field has seen no other for years.

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
  type GeneralName,
  keyUsage,
  ocspNoCheck,
  privateKeyUsagePeriod,
  productCategory,
  profession,
  subjectAltName,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { type KeyAlgorithm, keyIdentifier } from '../x509/keys.ts';
import { OID } from '../x509/oids.ts';
import { certificateUrl, crlUrl, type Hierarchy, ldapUrl, policyOidOf } from './hierarchy.ts';
import type { Holder } from './holder.ts';
import type { CertifiedNames } from './names.ts';
import type { Profile } from './profile.ts';
import { fill, type Values } from './subject.ts';

/** Every extension that a profile can have, in DER order. */
export const EXTENSION_ORDER: readonly string[] = [
  OID.basicConstraints,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
  OID.keyUsage,
  OID.certificatePolicies,
  OID.extKeyUsage,
  OID.ocspNoCheck,
  OID.privateKeyUsagePeriod,
  OID.subjectAltName,
  OID.cRLDistributionPoints,
  OID.freshestCRL,
  OID.authorityInfoAccess,
  OID.productCategory,
  OID.cardType,
  OID.cardNumber,
  OID.profession,
];

export type ExtensionParts = {
  readonly profile: Profile;
  readonly hierarchy: Hierarchy;
  /** the id of the issuing authority and CKA_ID of its key */
  readonly issuer: { readonly id: string; readonly keyId: Uint8Array };
  readonly holder: Holder;
  readonly spki: Uint8Array;
  readonly key: KeyAlgorithm;
  readonly names: CertifiedNames;
  readonly values: Values;
  readonly validity: { readonly notBefore: Date; readonly notAfter: Date };
};

/** The extensions in DER order. */
export function buildExtensions(parts: ExtensionParts): Extension[] {
  const { profile, hierarchy, issuer, spki, key } = parts;
  const extensions = [
    basicConstraints(false, undefined, false),
    subjectKeyIdentifier(keyIdentifier(spki)),
    authorityKeyIdentifier(issuer.keyId),
    keyUsage(profile.keyUsage[key.type] ?? []),
    certificatePolicies(policyOidOf(hierarchy, profile.name), hierarchy.urls.cps),
    extendedKeyUsage(profile.extendedKeyUsage.map((purpose) => OID[purpose])),
    ...usagePeriod(parts),
    ...alternativeNames(parts),
    ...(profile.status === 'nocheck' ? [ocspNoCheck()] : statusPointers(hierarchy, issuer.id)),
    ...privateExtensions(parts),
  ];
  return extensions.sort((a, b) => EXTENSION_ORDER.indexOf(a.oid) - EXTENSION_ORDER.indexOf(b.oid));
}

const usagePeriod = ({ profile, validity }: ExtensionParts): Extension[] =>
  profile.privateKeyUsagePeriod === undefined ? [] : [privateKeyUsagePeriod(validity.notBefore, validity.notAfter)];

const alternativeNames = ({ profile, names, values }: ExtensionParts): Extension[] =>
  profile.subjectAltName === undefined ? [] : [subjectAltName(generalNames(profile.subjectAltName, names, values))];

function generalNames(
  { rfc822Name, userPrincipalName }: NonNullable<Profile['subjectAltName']>,
  { dnsNames, emailAddresses }: CertifiedNames,
  values: Values,
): GeneralName[] {
  if (userPrincipalName !== undefined) return [{ upn: fill(userPrincipalName, values) }];
  if (rfc822Name !== undefined) return [{ rfc822Name: fill(rfc822Name, values) }];
  return [...dnsNames.map((dns) => ({ dns })), ...emailAddresses.map((mailbox) => ({ rfc822Name: mailbox }))];
}

// Computed once for each authority: these are the largest extensions, and the same in all its certificates.
const pointers = new WeakMap<Hierarchy, Map<string, readonly Extension[]>>();

function statusPointers(hierarchy: Hierarchy, issuer: string): readonly Extension[] {
  const known = pointers.get(hierarchy) ?? new Map<string, readonly Extension[]>();
  pointers.set(hierarchy, known);
  const ready = known.get(issuer) ?? buildPointers(hierarchy, issuer);
  known.set(issuer, ready);
  return ready;
}

const buildPointers = (hierarchy: Hierarchy, issuer: string): Extension[] => [
  cRLDistributionPoints([crlUrl(hierarchy, issuer), ldapUrl(hierarchy, issuer, 'certificateRevocationList')]),
  freshestCRL([ldapUrl(hierarchy, issuer, 'deltaRevocationList')]),
  authorityInfoAccess({ ocsp: hierarchy.urls.ocsp, caIssuers: certificateUrl(hierarchy, issuer) }),
];

function privateExtensions({ profile, hierarchy, holder }: ExtensionParts): Extension[] {
  const { privateExtensions: policy } = profile;
  if (policy === undefined) return [];
  const card = 'card' in holder ? holder.card : undefined;
  return [
    productCategory(hierarchy.productCategories[policy.productCategory]),
    ...(policy.cardType === undefined ? [] : [cardType(policy.cardType)]),
    ...(policy.cardNumber === true && card !== undefined ? [cardNumber(card.number)] : []),
    ...(policy.profession === true && holder.kind === 'professional' ? [profession(holder.profession)] : []),
  ];
}
