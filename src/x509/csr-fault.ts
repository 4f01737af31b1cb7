// What is wrong with a request: a finding, and the code that it alone would be refused with.
import { type Finding, Refusal, type RefusalCode } from '../errors.ts';

type CsrCode = Extract<
  RefusalCode,
  'csr_malformed' | 'csr_algorithm_not_allowed' | 'csr_extension_not_allowed' | 'name_not_allowed'
>;
export type CsrFault = { readonly code: CsrCode; readonly finding: Finding };

/** Worst first. */
const DETAILS: Record<CsrCode, string> = {
  csr_malformed: 'the request is not a PKCS #10 request in DER',
  csr_algorithm_not_allowed: 'the request is signed with an algorithm that is not accepted',
  csr_extension_not_allowed: 'the request asks for extensions that are never given',
  name_not_allowed: 'a name in the request has characters that no name may have',
};

/** Findings in one answer: a request of 64 KiB can hold thousands, and every refusal is written down. */
const MOST = 50;

/** One Refusal with every finding, in their order, and the worst code among them; beyond 50 findings their number alone. */
export function refusalFor(faults: readonly CsrFault[]): Refusal {
  const codes = Object.keys(DETAILS) as CsrCode[];
  const code = codes.find((candidate) => faults.some((fault) => fault.code === candidate)) ?? 'csr_malformed';
  const findings = faults.map((fault) => fault.finding);
  const left = findings.length - MOST;
  const more = left > 0 ? [{ rule: 'limit of this service', detail: `and ${left} more findings` }] : [];
  return new Refusal(code, DETAILS[code], [...findings.slice(0, MOST), ...more]);
}
