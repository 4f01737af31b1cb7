// What can go wrong, said once: a Refusal is the caller's or the policy's doing, an Outage may pass by itself, and anything
// else is a bug. HTTP statuses and French and English texts belong to http/problem-texts.ts, never here.

/** Every reason for which a request can be refused. Clients and tests read these, never a message. */
export type RefusalCode =
  // the request itself
  | 'body_malformed'
  | 'body_too_large'
  | 'media_type_not_supported'
  | 'not_found'
  | 'not_acceptable'
  // who calls
  | 'client_certificate_required'
  | 'client_certificate_refused'
  | 'bearer_token_refused'
  | 'not_allowed'
  // repeated requests
  | 'idempotency_key_malformed'
  | 'idempotency_key_reused'
  | 'idempotency_key_in_progress'
  // the PKCS#10 request
  | 'csr_malformed'
  | 'csr_too_large'
  | 'csr_signature_invalid'
  | 'csr_algorithm_not_allowed'
  | 'csr_extension_not_allowed'
  | 'key_weak'
  | 'key_invalid'
  | 'key_not_allowed'
  | 'key_reused'
  | 'key_blocked'
  // names and holders
  | 'name_not_allowed'
  | 'name_conflict'
  | 'identifier_invalid'
  | 'holder_unknown'
  | 'holder_invalid'
  // profiles and certificates
  | 'profile_unknown'
  | 'profile_not_orderable'
  | 'validity_not_possible'
  | 'lint_failed'
  | 'certificate_not_issued'
  | 'already_revoked'
  | 'revocation_reason_not_allowed'
  // operators
  | 'already_exists'
  | 'hierarchy_differs'
  | 'signer_refused'
  | 'configuration_invalid';

/** One thing found wrong: the rule that was broken, where, and how to mend it. Never holds secrets or personal data. */
export type Finding = {
  /** the rule, as number and title: `RFC 2986 §4.1 CertificationRequestInfo` */
  readonly rule: string;
  /** JSON pointer, or DER path with byte offset: `certificationRequestInfo.subject @ 12` */
  readonly at?: string;
  readonly detail: string;
  readonly remedy?: string;
};

/** The caller or the policy is the reason; asking again with the same input gives the same answer. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly findings: readonly Finding[];
  constructor(code: RefusalCode, detail: string, findings: readonly Finding[] = []) {
    super(detail);
    this.name = 'Refusal';
    this.code = code;
    this.findings = findings;
  }
}

/** Which outside part is away. */
export type OutageOf = 'hsm' | 'database' | 'clock' | 'directory' | 'mail';

/**
 * An outside part is away or did not answer in time; a retry may help.
 * `signature` says what is known of a signing call: `none` when the token was certainly not asked, `unknown` otherwise.
 */
export class Outage extends Error {
  readonly what: OutageOf;
  readonly signature: 'none' | 'unknown';
  constructor(what: OutageOf, message: string, options: { cause?: unknown; signature?: 'none' | 'unknown' } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Outage';
    this.what = what;
    this.signature = options.signature ?? 'none';
  }
}
