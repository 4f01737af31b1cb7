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

/** One name and where the caller wrote it. */
export type Placed = { readonly value: string; readonly at: string };

export type NameSources = {
  readonly commonName: Placed | undefined;
  readonly dnsNames: readonly Placed[];
  readonly found: readonly Problem[];
};

const RULE = 'names come from the JSON, else from the CSR';
const SUBJECT = 'certificationRequestInfo.subject.commonName';
const SAN = 'certificationRequestInfo.attributes.extensionRequest.subjectAltName';

/** The common name and DNS names, each compared and answered after `fold`, which makes spellings of one name the same. */
export function requestedNames(
  requested: RequestedNames,
  csr: CertificationRequest | undefined,
  fold: (name: string) => string,
): NameSources {
  const commonName = commonNameOf(requested, csr, fold);
  const dnsNames = dnsNamesOf(requested, csr, fold);
  return { commonName: commonName.name, dnsNames: dnsNames.names, found: [...commonName.found, ...dnsNames.found] };
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

function dnsNamesOf(requested: RequestedNames, csr: CertificationRequest | undefined, fold: (name: string) => string) {
  const asked = (requested.dnsNames ?? []).map((name, index) => ({
    value: fold(name),
    at: `/names/dnsNames/${index}`,
  }));
  const written = (csr?.dnsNames ?? []).map((name, index) => ({ value: fold(name), at: `${SAN}.${index}` }));
  const others = (csr?.otherNames ?? []).map((kind) => ({
    rule: 'RFC 5280 §4.2.1.6 Subject Alternative Name',
    at: SAN,
    detail: `a name of kind ${kind}`,
    remedy: 'ask for DNS names only',
  }));
  const found = problems('name_not_allowed', others);
  if (asked.length > 0 && written.length > 0 && !sameNames(asked, written)) {
    found.push(conflict('/names/dnsNames', 'the DNS names of the JSON are not those of the CSR'));
  }
  return { names: asked.length > 0 ? asked : written, found };
}

const conflict = (at: string, detail: string): Problem => ({
  code: 'name_conflict',
  finding: { rule: RULE, at, detail, remedy: 'leave one of the two out, or make them the same' },
});

function sameNames(left: readonly Placed[], right: readonly Placed[]): boolean {
  const names = new Set(left.map(({ value }) => value));
  return names.size === new Set(right.map(({ value }) => value)).size && right.every(({ value }) => names.has(value));
}
