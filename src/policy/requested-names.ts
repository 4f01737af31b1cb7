// Which names a caller asks for: those of the JSON, else those of the CSR; where both have some, they agree. Whatever else stands
// in the CSR's subject is not looked at. Whether the names may be certified is the affair of names.ts.

import type { Finding } from '../errors.ts';
import type { CertificationRequest } from '../x509/csr.ts';
import { OID } from '../x509/oids.ts';
import { type Problem, problems } from './problem.ts';

/** What the caller names beside the CSR; an empty list is none. */
export type RequestedNames = {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly emailAddresses?: readonly string[];
};

/** The kinds of alternative name that a caller may ask for, by their member of the JSON. */
export type NameKind = 'dnsNames' | 'emailAddresses';

/** One name and where the caller wrote it. */
export type Placed = { readonly value: string; readonly at: string };

export type NameSources = {
  readonly commonName: Placed | undefined;
  /** of the kind that was asked for */
  readonly alternatives: readonly Placed[];
  readonly found: readonly Problem[];
};

/** What a profile makes of names: their kind, and what makes two spellings of one name the same. */
type Reading = { readonly kind: NameKind; readonly fold: (name: string) => string };

const RULE = 'names come from the JSON, else from the CSR';
const SUBJECT = 'certificationRequestInfo.subject.commonName';
const SAN = 'certificationRequestInfo.attributes.extensionRequest.subjectAltName';

/** In the words of the findings, and as RFC 5280 calls a name of this kind. */
export const KINDS: Readonly<Record<NameKind, { readonly words: string; readonly choice: string }>> = {
  dnsNames: { words: 'DNS names', choice: 'dNSName' },
  emailAddresses: { words: 'mailboxes', choice: 'rfc822Name' },
};

/** The common name and the alternative names of one kind, each compared and answered folded. */
export function requestedNames(
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
  reading: Reading,
): NameSources {
  const commonName = commonNameOf(requested, csr, reading.fold);
  const { names, found } = alternativesOf(requested, csr, reading);
  return { commonName: commonName.name, alternatives: names, found: [...commonName.found, ...found] };
}

/** The common name alone, as it stands. */
export function requestedCommonName(
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
): { readonly name: Placed | undefined; readonly found: readonly Problem[] } {
  return commonNameOf(requested, csr, (name) => name);
}

function commonNameOf(
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
  fold: (name: string) => string,
) {
  const attributes = (csr?.subject ?? []).flat().filter(({ type }) => type === OID.commonName);
  const written = attributes.map(({ value }) => ({ value: fold(value), at: SUBJECT }));
  if (requested.commonName !== undefined) {
    const name = { value: fold(requested.commonName), at: '/names/commonName' };
    const differs = written.some(({ value }) => value !== name.value);
    return { name, found: differs ? [conflict(name.at, 'the common name of the JSON is not that of the CSR')] : [] };
  }
  const findings: Finding[] = [];
  if (written.length > 1) findings.push({ rule: RULE, at: SUBJECT, detail: 'the CSR has more than one common name' });
  // Teletex and the like have no one reading
  if (attributes.some(({ string }) => string !== 'utf8' && string !== 'printable')) {
    const detail = 'the common name is neither a UTF8String nor a PrintableString';
    findings.push({ rule: 'RFC 5280 §4.1.2.4 Issuer', at: SUBJECT, detail });
  }
  return { name: written[0], found: problems('name_not_allowed', findings) };
}

function alternativesOf(requested: RequestedNames, csr: CertificationRequest | undefined, { kind, fold }: Reading) {
  const { words } = KINDS[kind];
  const asked = (requested[kind] ?? []).map((name, index) => ({ value: fold(name), at: `/names/${kind}/${index}` }));
  const written = (csr?.[kind] ?? []).map((name, index) => ({ value: fold(name), at: `${SAN}.${index}` }));
  const found = problems('name_not_allowed', othersIn(csr, kind));
  if (asked.length > 0 && written.length > 0 && !sameNames(asked, written)) {
    found.push(conflict(`/names/${kind}`, `the ${words} of the JSON are not those of the CSR`));
  }
  return { names: asked.length > 0 ? asked : written, found };
}

/** A name of another kind is refused, not ignored: its sender believes that it will be certified. */
function othersIn(csr: CertificationRequest | undefined, kind: NameKind): Finding[] {
  const second: NameKind = kind === 'dnsNames' ? 'emailAddresses' : 'dnsNames';
  const others = [...(csr?.[second] ?? []).map(() => KINDS[second].choice), ...(csr?.otherNames ?? [])];
  return others.map((choice) => ({
    rule: 'RFC 5280 §4.2.1.6 Subject Alternative Name',
    at: SAN,
    detail: `a name of kind ${choice}`,
    remedy: `ask for ${KINDS[kind].words} only`,
  }));
}

const conflict = (at: string, detail: string): Problem => ({
  code: 'name_conflict',
  finding: { rule: RULE, at, detail, remedy: 'leave one of the two out, or make them the same' },
});

function sameNames(left: readonly Placed[], right: readonly Placed[]): boolean {
  const names = new Set(left.map(({ value }) => value));
  return names.size === new Set(right.map(({ value }) => value)).size && right.every(({ value }) => names.has(value));
}
