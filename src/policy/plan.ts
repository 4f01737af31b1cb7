// What was decided, and the way from there to the structure that a key may sign. The lint's expectations come from the profile
// and the decision, never from the fields that were built: a builder's fault must not become its own expectation.

import type { Certificate, CertificateFields } from '../x509/certificate.ts';
import type { GeneralName } from '../x509/extensions.ts';
import type { KeyAlgorithm } from '../x509/keys.ts';
import { type ExpectedCertificate, lintCertificate } from '../x509/lint-certificate.ts';
import { buildName } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';
import type { Signable } from '../x509/signable.ts';
import { endOfValidity } from './calendar.ts';
import { EXTENSION_ORDER } from './extensions.ts';
import { certificateUrl, crlUrl, type Hierarchy, ldapUrl, policyOidOf } from './hierarchy.ts';
import type { Holder } from './holder.ts';
import type { Policies } from './load.ts';
import type { CertifiedNames } from './names.ts';
import type { Profile } from './profile.ts';
import { buildSubject, fill, type Values, valuesOf } from './subject.ts';

export type IssuancePlan = {
  /** name and file digest of the profile */
  readonly profile: string;
  readonly profileDigest: string;
  /** id of the issuing authority */
  readonly issuer: string;
  readonly holder: Holder;
  /** Struct_IdNat, IdNat_PS or id of the CA */
  readonly holderKey: string;
  readonly names: CertifiedNames;
  readonly key: KeyAlgorithm;
  /** RFC 4514 text of the subject */
  readonly subjectText: string;
  readonly fields: CertificateFields;
  /** DER of the TBSCertificate of `fields` */
  readonly tbs: Uint8Array;
};

/** The linted structure of a plan. `issuer` is the certificate of the issuing authority. Throws Refusal lint_failed. */
export function buildSignable(plan: IssuancePlan, issuer: Certificate, policies: Policies): Signable {
  const profile = policies.profiles.get(plan.profile);
  if (profile?.digest !== plan.profileDigest)
    throw new TypeError(`this plan was made under another profile ${plan.profile}`);
  return lintCertificate(plan.tbs, expectedOf(plan, { issuer, profile, hierarchy: policies.hierarchy }));
}

type Grounds = { readonly issuer: Certificate; readonly profile: Profile; readonly hierarchy: Hierarchy };

function expectedOf(plan: IssuancePlan, { issuer, profile, hierarchy }: Grounds): ExpectedCertificate {
  const values = valuesOf(plan.holder, hierarchy, plan.names.commonName);
  const { notBefore, spki } = plan.fields;
  const notAfter = endOfValidity(notBefore, profile.validity);
  return {
    issuer,
    subject: buildName(buildSubject(profile, hierarchy, values)),
    spki,
    notBefore,
    notAfter,
    extensions: expectedExtensions(profile),
    keyUsage: profile.keyUsage[plan.key.type] ?? [],
    extendedKeyUsage: profile.extendedKeyUsage.map((purpose) => OID[purpose]),
    policy: { oid: policyOidOf(hierarchy, profile.name), cpsUri: hierarchy.urls.cps },
    subjectAltName: expectedNames(plan, profile, values),
    privateKeyUsagePeriod: profile.privateKeyUsagePeriod === undefined ? undefined : { notBefore, notAfter },
    ...(profile.status === 'pointers' ? expectedPointers(hierarchy, plan.issuer) : {}),
    ...expectedPrivate(plan.holder, profile, hierarchy),
  };
}

/** The extensions that follow from the profile alone; of all of them only key usage is critical. */
function expectedExtensions({
  privateKeyUsagePeriod,
  subjectAltName,
  status,
  privateExtensions: ours,
}: Profile): ExpectedCertificate['extensions'] {
  const absent = new Set<string>();
  if (privateKeyUsagePeriod === undefined) absent.add(OID.privateKeyUsagePeriod);
  if (subjectAltName === undefined) absent.add(OID.subjectAltName);
  const unused =
    status === 'nocheck' ? [OID.cRLDistributionPoints, OID.freshestCRL, OID.authorityInfoAccess] : [OID.ocspNoCheck];
  for (const oid of unused) absent.add(oid);
  if (ours === undefined) absent.add(OID.productCategory);
  if (ours?.cardType === undefined) absent.add(OID.cardType);
  if (ours?.cardNumber !== true) absent.add(OID.cardNumber);
  if (ours?.profession !== true) absent.add(OID.profession);
  return EXTENSION_ORDER.filter((oid) => !absent.has(oid)).map((oid) => ({ oid, critical: oid === OID.keyUsage }));
}

function expectedNames(
  { names }: IssuancePlan,
  { subjectAltName: policy }: Profile,
  values: Values,
): GeneralName[] | undefined {
  if (policy?.userPrincipalName !== undefined) return [{ upn: fill(policy.userPrincipalName, values) }];
  if (policy?.rfc822Name !== undefined) return [{ rfc822Name: fill(policy.rfc822Name, values) }];
  if (policy?.emailAddresses === true) return names.emailAddresses.map((rfc822Name) => ({ rfc822Name }));
  return policy === undefined ? undefined : names.dnsNames.map((dns) => ({ dns }));
}

const expectedPointers = (hierarchy: Hierarchy, issuer: string) => ({
  crlUris: [crlUrl(hierarchy, issuer), ldapUrl(hierarchy, issuer, 'certificateRevocationList')],
  freshestUris: [ldapUrl(hierarchy, issuer, 'deltaRevocationList')],
  ocspUri: hierarchy.urls.ocsp,
  caIssuersUri: certificateUrl(hierarchy, issuer),
});

function expectedPrivate(holder: Holder, { privateExtensions: ours }: Profile, hierarchy: Hierarchy) {
  if (ours === undefined) return {};
  return {
    productCategory: hierarchy.productCategories[ours.productCategory],
    cardType: ours.cardType,
    cardNumber: ours.cardNumber === true && 'card' in holder ? holder.card?.number : undefined,
    profession: ours.profession === true && holder.kind === 'professional' ? holder.profession : undefined,
  };
}
