// The decision: from a request, a profile and a moment to one plan, or to every reason against it at once. A plain function of
// its arguments; the serial and the moment are among them.

import { Refusal } from '../errors.ts';
import { type SignatureAlgorithm, signatureAlgorithmIdentifier } from '../x509/algorithms.ts';
import { buildTbsCertificate, type Certificate } from '../x509/certificate.ts';
import { type CertificationRequest, checkProofOfPossession } from '../x509/csr.ts';
import { type KeyAlgorithm, keyAlgorithmOf } from '../x509/keys.ts';
import { buildName, formatName } from '../x509/names.ts';
import { wholeSecond } from '../x509/seconds.ts';
import { endOfValidity } from './calendar.ts';
import { buildExtensions } from './extensions.ts';
import type { Hierarchy } from './hierarchy.ts';
import { checkHolder, type Holder, holderKey } from './holder.ts';
import { keyLifetimeProblems } from './key-lifetime.ts';
import { checkKey } from './keys.ts';
import { decideNames } from './names.ts';
import type { IssuancePlan } from './plan.ts';
import { type Problem, problemsOf, refuseProblems } from './problem.ts';
import { issuerOf, type Profile } from './profile.ts';
import type { RequestedNames } from './requested-names.ts';
import { buildSubject, valuesOf } from './subject.ts';

/** A CSR that was read but not yet believed, or the public key of a pair that one of our own tokens made. */
export type RequestedKey = { readonly csr: CertificationRequest } | { readonly spki: Uint8Array };

export type IssuanceRequest = RequestedKey & {
  readonly holder: Holder;
  readonly names?: RequestedNames;
};

/** The issuing authority as the service knows it. */
export type IssuingCa = {
  readonly id: string;
  readonly certificate: Certificate;
  /** SHA-1 of its subjectPublicKey bits = its subjectKeyIdentifier */
  readonly keyId: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
};

export type IssuanceContext = {
  readonly profile: Profile;
  readonly hierarchy: Hierarchy;
  readonly issuer: IssuingCa;
  /** value octets of the INTEGER, positive */
  readonly serial: Uint8Array;
  readonly now: Date;
};

/** Who may have a certificate of each kind made; an operator stands in for an order, nobody for the service itself. */
const MAY_ISSUE: Readonly<Record<Profile['issuedBy'], readonly string[]>> = {
  order: ['administrator', 'operator'],
  operator: ['operator'],
  system: ['system'],
};

/** Throws Refusal profile_not_orderable when this kind of actor may not have a certificate under the profile. */
export function checkOrderable(profile: Profile, actor: 'administrator' | 'operator' | 'system'): void {
  if (MAY_ISSUE[profile.issuedBy].includes(actor)) return;
  throw new Refusal('profile_not_orderable', `certificates of profile ${profile.name} cannot be ordered here`, [
    { rule: `profile ${profile.name}: issuedBy ${profile.issuedBy}`, at: '/profile', detail: `not for an ${actor}` },
  ]);
}

/**
 * Decides one issuance: key policy, proof of possession, names, form of the holder, validity; then subject and extensions.
 * Throws Refusal with the worst code and all findings. Costs no signature, reads no clock, and copies nothing from a CSR but the
 * public key and the names that the profile certifies.
 */
export function decide(request: IssuanceRequest, context: IssuanceContext): IssuancePlan {
  const { profile, hierarchy, issuer, serial, now } = context;
  const csr = 'csr' in request ? request.csr : undefined;
  const spki = 'csr' in request ? request.csr.spki : request.spki;
  const { names, found } = decideNames(profile, request.names ?? {}, csr);
  const notBefore = wholeSecond(now);
  const notAfter = endOfValidity(notBefore, profile.validity);
  const all = [
    ...keyProblems(spki, csr, { context, notAfter }),
    ...found,
    ...checkHolder(request.holder, profile, hierarchy),
    ...validityProblems(notBefore, notAfter, issuer.certificate),
  ];
  refuseProblems(all, `this cannot be certified under profile ${profile.name}`);

  if (issuerOf(profile, request.holder) !== issuer.id)
    throw new TypeError(`${issuer.id} does not issue ${profile.name}`);
  const key = knownKey(spki);
  const values = valuesOf(request.holder, hierarchy, names.commonName);
  const subject = buildSubject(profile, hierarchy, values);
  const { holder } = request;
  const fields = {
    serial,
    signatureAlgorithm: signatureAlgorithmIdentifier(issuer.algorithm),
    issuer: issuer.certificate.subject,
    notBefore,
    notAfter,
    subject: buildName(subject),
    spki,
    extensions: buildExtensions({ ...context, holder, spki, key, names, values, validity: { notBefore, notAfter } }),
  };
  return {
    profile: profile.name,
    profileDigest: profile.digest,
    issuer: issuer.id,
    holder,
    holderKey: holderKey(holder),
    names,
    key,
    subjectText: formatName(subject),
    fields,
    tbs: buildTbsCertificate(fields),
  };
}

// Proof of possession is only asked of a key that passed: a weak one proves nothing.
function keyProblems(
  spki: Uint8Array,
  csr: CertificationRequest | undefined,
  { context, notAfter }: { readonly context: IssuanceContext; readonly notAfter: Date },
): Problem[] {
  const unfit = problemsOf(() => checkKey(spki, context.profile.keys));
  if (unfit.length > 0) return unfit;
  const tooShort = keyLifetimeProblems(knownKey(spki), notAfter);
  const unproven = [...tooShort, ...(csr === undefined ? [] : problemsOf(() => checkProofOfPossession(csr)))];
  if (Buffer.compare(spki, context.issuer.certificate.spki) !== 0) return unproven;
  const finding = {
    rule: 'an authority does not certify its own key',
    at: 'certificationRequestInfo.subjectPKInfo',
    detail: 'this is the key of the issuer',
  };
  return [...unproven, { code: 'key_reused', finding }];
}

function knownKey(spki: Uint8Array): KeyAlgorithm {
  const key = keyAlgorithmOf(spki);
  if (key === undefined) throw new TypeError('a key that passed the key policy has a known algorithm');
  return key;
}

// Refused and never cut: a holder is promised the whole period.
function validityProblems(notBefore: Date, notAfter: Date, issuer: Certificate): Problem[] {
  const rule = 'RGS A2: the certificate of an authority outlives those that it issues';
  if (notBefore < issuer.notBefore) {
    return [{ code: 'validity_not_possible', finding: { rule, detail: 'the issuer’s certificate is not valid yet' } }];
  }
  if (notAfter <= issuer.notAfter) return [];
  return [
    { code: 'validity_not_possible', finding: { rule, detail: 'the validity would end after the issuer’s own' } },
  ];
}
