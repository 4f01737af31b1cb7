// Whether the names that a caller asks for may be certified under a profile, and what they become in the certificate.

import type { Finding } from '../errors.ts';
import type { CertificationRequest } from '../x509/csr.ts';
import { checkDomainName, lowerCase } from './domain-names.ts';
import { textFindings } from './holder.ts';
import { type Problem, problems } from './problem.ts';
import type { Profile } from './profile.ts';
import { type Placed, type RequestedNames, requestedCommonName, requestedNames } from './requested-names.ts';

/** What will stand in the certificate: DNS names in lower case, the CN first. Only as good as the absence of problems. */
export type CertifiedNames = { readonly commonName: string; readonly dnsNames: readonly string[] };

type Decided = { readonly names: CertifiedNames; readonly found: readonly Problem[] };

/** RFC 5280 Appendix A.1 Upper Bounds: ub-common-name. */
const LONGEST_COMMON_NAME = 64;
const CN_IN_SAN = 'RGS A4: a TLS server has its CN among its DNS names';

/** The names under a profile, and everything wrong with them. */
export function decideNames(
  profile: Profile,
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
): Decided {
  if (profile.names === undefined) return decideNone(profile, requested);
  return profile.names.rule === 'text'
    ? decideText(profile, requested, csr)
    : decideHosts(profile.names, requested, csr);
}

/** Names that follow from the holder: the caller gives none, and what a CSR says is not looked at. */
function decideNone(profile: Profile, requested: RequestedNames): Decided {
  const named = requested.commonName !== undefined || hasDnsNames(requested);
  const findings = named ? [noNames(profile, '/names', 'no names: they follow from the holder')] : [];
  return { names: { commonName: '', dnsNames: [] }, found: problems('name_not_allowed', findings) };
}

/** A free name, which is no host: the DNS names of a CSR are not looked at. */
function decideText(profile: Profile, requested: RequestedNames, csr: CertificationRequest | undefined): Decided {
  const { name, found } = requestedCommonName(requested, csr);
  const findings =
    name === undefined
      ? [noNames(profile, '/names/commonName', 'a common name, and there is none')]
      : textFindings(name.value, name.at, LONGEST_COMMON_NAME);
  if (hasDnsNames(requested)) findings.push(noNames(profile, '/names/dnsNames', 'no DNS names'));
  const names = { commonName: name?.value ?? '', dnsNames: [] };
  return { names, found: [...found, ...problems('name_not_allowed', findings)] };
}

/** Hosts: the CN is the first DNS name unless the caller says which, and stands first among them. */
function decideHosts(
  policy: NonNullable<Profile['names']>,
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
): Decided {
  const sources = requestedNames(requested, csr, lowerCase);
  const cn = sources.commonName ?? sources.dnsNames[0];
  if (cn === undefined) {
    const none = { rule: CN_IN_SAN, at: '/names', detail: 'neither a CN nor a DNS name is given' };
    return {
      names: { commonName: '', dnsNames: [] },
      found: [...sources.found, { code: 'name_not_allowed', finding: none }],
    };
  }
  const hosts = sources.dnsNames.length === 0 ? [cn] : sources.dnsNames;
  const others = hosts.map(({ value }) => value).filter((value) => value !== cn.value);
  const findings = [...hostFindings(hosts, policy), ...commonNameFindings(cn, hosts)];
  const names = { commonName: cn.value, dnsNames: [cn.value, ...others] };
  return { names, found: [...sources.found, ...problems('name_not_allowed', findings)] };
}

const hasDnsNames = ({ dnsNames }: RequestedNames): boolean => (dnsNames ?? []).length > 0;

const noNames = ({ name }: Profile, at: string, what: string): Finding => ({
  rule: `profile ${name}: names`,
  at,
  detail: `this profile takes ${what}`,
});

function hostFindings(
  hosts: readonly Placed[],
  { most = 1, internalSuffixes = [] }: NonNullable<Profile['names']>,
): Finding[] {
  if (hosts.length > most) {
    return [{ rule: `at most ${most} DNS names`, at: '/names/dnsNames', detail: `${hosts.length} names` }];
  }
  const seen = new Set<string>();
  return hosts.flatMap(({ value, at }) => {
    const findings = checkDomainName(value, at, internalSuffixes);
    if (seen.has(value))
      findings.push({ rule: 'each name once, case not counting', at, detail: 'this name stands twice' });
    seen.add(value);
    return findings;
  });
}

function commonNameFindings(cn: Placed, hosts: readonly Placed[]): Finding[] {
  const findings: Finding[] = [];
  if (!hosts.some(({ value }) => value === cn.value)) {
    findings.push({
      rule: CN_IN_SAN,
      at: cn.at,
      detail: 'the CN is not among the DNS names',
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
