// Whether the names that a caller asks for may be certified under a profile, and what they become in the certificate.

import type { Finding } from '../errors.ts';
import type { CertificationRequest } from '../x509/csr.ts';
import { checkDomainName, lowerCase } from './domain-names.ts';
import { textFindings } from './holder.ts';
import { checkMailbox, foldMailbox } from './mailboxes.ts';
import { type Problem, problems } from './problem.ts';
import type { Profile } from './profile.ts';
import {
  KINDS,
  type NameKind,
  type Placed,
  type RequestedNames,
  requestedCommonName,
  requestedNames,
} from './requested-names.ts';

/**
 * What will stand in the certificate: DNS names in lower case or mailboxes with their domain in lower case, the CN first. Only as
 * good as the absence of problems.
 */
export type CertifiedNames = {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
};

type Decided = { readonly names: CertifiedNames; readonly found: readonly Problem[] };
type NamePolicy = NonNullable<Profile['names']>;

/** RFC 5280 Appendix A.1 Upper Bounds: ub-common-name. */
const LONGEST_COMMON_NAME = 64;

/** Names that stand in subjectAltName with the CN among them, by the rule of the profile. */
const ALTERNATIVES: Readonly<Record<Exclude<NamePolicy['rule'], 'text'>, Alternative>> = {
  fqdn: {
    kind: 'dnsNames',
    fold: lowerCase,
    check: checkDomainName,
    cnAmong: 'RGS A4: a TLS server has its CN among its DNS names',
    none: 'neither a CN nor a DNS name is given',
    same: (name) => name,
  },
  mailbox: {
    kind: 'emailAddresses',
    fold: foldMailbox,
    check: checkMailbox,
    cnAmong: 'RFC 5280 §4.1.2.6 Subject: a mailbox stands in subjectAltName',
    none: 'neither a CN nor a mailbox is given',
    // no mail server of today tells A@x.fr from a@x.fr, and who reads a certificate even less
    same: lowerCase,
  },
};

type Alternative = {
  readonly kind: NameKind;
  readonly fold: (name: string) => string;
  readonly check: (name: string, at: string, internalSuffixes: readonly string[]) => Finding[];
  readonly cnAmong: string;
  readonly none: string;
  /** two names of which this is the same are one */
  readonly same: (name: string) => string;
};

const NONE: CertifiedNames = { commonName: '', dnsNames: [], emailAddresses: [] };

/** The names under a profile, and everything wrong with them. */
export function decideNames(
  profile: Profile,
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
): Decided {
  if (profile.names === undefined) return decideNone(profile, requested);
  const { rule } = profile.names;
  return rule === 'text' ? decideText(profile, requested, csr) : decideAlternatives(profile, requested, csr);
}

/** Names that follow from the holder: the caller gives none, and what a CSR says is not looked at. */
function decideNone(profile: Profile, requested: RequestedNames): Decided {
  const named = requested.commonName !== undefined || has(requested, 'dnsNames') || has(requested, 'emailAddresses');
  const findings = named ? [noNames(profile, '/names', 'no names: they follow from the holder')] : [];
  return { names: NONE, found: problems('name_not_allowed', findings) };
}

/** A free name, which is no host: the alternative names of a CSR are not looked at. */
function decideText(profile: Profile, requested: RequestedNames, csr: CertificationRequest | undefined): Decided {
  const { name, found } = requestedCommonName(requested, csr);
  const findings =
    name === undefined
      ? [noNames(profile, '/names/commonName', 'a common name, and there is none')]
      : textFindings(name.value, name.at, LONGEST_COMMON_NAME);
  const others = [...surplus(profile, requested, 'dnsNames'), ...surplus(profile, requested, 'emailAddresses')];
  const names = { ...NONE, commonName: name?.value ?? '' };
  return { names, found: [...found, ...problems('name_not_allowed', [...findings, ...others])] };
}

/** Hosts or mailboxes: the CN is the first of them unless the caller says which, and stands first among them. */
function decideAlternatives(
  profile: Profile,
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
): Decided {
  const policy = profile.names;
  if (policy === undefined || policy.rule === 'text') throw new TypeError('this profile has no alternative names');
  const rules = ALTERNATIVES[policy.rule];
  const sources = requestedNames(requested, csr, rules);
  const wrongKind = surplus(profile, requested, rules.kind === 'dnsNames' ? 'emailAddresses' : 'dnsNames');
  const before = [...sources.found, ...problems('name_not_allowed', wrongKind)];
  const cn = sources.commonName ?? sources.alternatives[0];
  if (cn === undefined) {
    const none = { rule: rules.cnAmong, at: '/names', detail: rules.none };
    return { names: NONE, found: [...before, ...problems('name_not_allowed', [none])] };
  }
  const all = sources.alternatives.length === 0 ? [cn] : sources.alternatives;
  const others = all.map(({ value }) => value).filter((value) => value !== cn.value);
  const findings = [...alternativeFindings(all, policy, rules), ...commonNameFindings(cn, all, rules)];
  const names = { ...NONE, commonName: cn.value, [rules.kind]: [cn.value, ...others] };
  return { names, found: [...before, ...problems('name_not_allowed', findings)] };
}

const has = (requested: RequestedNames, kind: NameKind): boolean => (requested[kind] ?? []).length > 0;

const surplus = (profile: Profile, requested: RequestedNames, kind: NameKind): Finding[] =>
  has(requested, kind) ? [noNames(profile, `/names/${kind}`, `no ${KINDS[kind].words}`)] : [];

const noNames = ({ name }: Profile, at: string, what: string): Finding => ({
  rule: `profile ${name}: names`,
  at,
  detail: `this profile takes ${what}`,
});

function alternativeFindings(
  all: readonly Placed[],
  { most = 1, internalSuffixes = [] }: NamePolicy,
  { kind, check, same }: Alternative,
): Finding[] {
  const { words } = KINDS[kind];
  if (all.length > most) {
    return [{ rule: `at most ${most} ${words}`, at: `/names/${kind}`, detail: `${all.length} names` }];
  }
  const seen = new Set<string>();
  return all.flatMap(({ value, at }) => {
    const findings = check(value, at, internalSuffixes);
    if (seen.has(same(value)))
      findings.push({ rule: 'each name once, case not counting', at, detail: 'this name stands twice' });
    seen.add(same(value));
    return findings;
  });
}

function commonNameFindings(cn: Placed, all: readonly Placed[], { kind, cnAmong }: Alternative): Finding[] {
  const findings: Finding[] = [];
  if (!all.some(({ value }) => value === cn.value)) {
    findings.push({
      rule: cnAmong,
      at: cn.at,
      detail: `the CN is not among the ${KINDS[kind].words}`,
      remedy: 'add it to them',
    });
  }
  if (cn.value.length > LONGEST_COMMON_NAME) {
    const detail = `a CN has at most ${LONGEST_COMMON_NAME} characters`;
    findings.push({
      rule: 'RFC 5280 Appendix A.1 Upper Bounds',
      at: cn.at,
      detail,
      remedy: 'put a shorter name first',
    });
  }
  return findings;
}
