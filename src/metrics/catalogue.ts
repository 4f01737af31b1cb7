// Every metric of ours, with what it means and when to wake somebody: docs/metrics.md is made of it. Names follow Prometheus
// (unit as suffix, `_total` on counters); the values of every label are words of ours, bounded, never from a caller.

export type RoleWithMetrics = 'api' | 'public' | 'worker' | 'signer issuing' | 'signer ocsp';

export type MetricDefinition = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** one sentence, as Prometheus shows it */
  readonly help: string;
  readonly labels: readonly string[];
  readonly roles: readonly RoleWithMetrics[];
  /** what to alarm on, as PromQL or in words; absent for what is only looked at */
  readonly alarm?: string;
  /** upper bounds in seconds, for histograms */
  readonly buckets?: readonly number[];
};

const CALLERS: readonly RoleWithMetrics[] = ['api', 'public', 'worker'];
const SIGNERS: readonly RoleWithMetrics[] = ['signer issuing', 'signer ocsp'];
const ALL: readonly RoleWithMetrics[] = [...CALLERS, ...SIGNERS];
const ISSUING: readonly RoleWithMetrics[] = ['api', 'worker'];

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DAYS = (days: number): string => `< ${days} * 86400`;

export const CATALOGUE = {
  igc_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say which version runs as which role.',
    labels: ['version', 'role'],
    roles: ALL,
    alarm: 'more than one `version` for longer than an upgrade takes',
  },
  igc_source_up: {
    type: 'gauge',
    help: 'Whether a part that the gauges ask answered within two seconds; its gauges are absent when it is 0.',
    labels: ['source'],
    roles: ALL,
    alarm: '`igc_source_up == 0` for 1 minute',
  },
  igc_issuances_total: {
    type: 'counter',
    help: 'Orders of certificates that have ended, by profile and by how: issued, refused (code says why), unavailable, unsigned, burnt, unsettled or failed.',
    labels: ['profile', 'outcome', 'code'],
    roles: ISSUING,
    alarm:
      'any increase of `outcome="burnt"`, `"unsettled"` or `"failed"`; `outcome="unavailable"` or `"unsigned"` for 5 minutes',
  },
  igc_issuance_step_duration_seconds: {
    type: 'histogram',
    help: 'Time that each step of an issuance took, failed ones included: decide (with building and linting), record_intent, sign (queue and verification included), record_result.',
    labels: ['step'],
    roles: ISSUING,
    alarm: '99th percentile of `step="sign"` above half of SIGNING_DEADLINE_MS',
    buckets: FAST,
  },
  igc_recovered_total: {
    type: 'counter',
    help: 'Rows left behind by a stopped process that recovery burnt, by kind: certificate or crl.',
    labels: ['kind'],
    roles: ['worker'],
    alarm: 'any increase: somebody asked for what was burnt, and a process ended badly',
  },
  igc_signature_duration_seconds: {
    type: 'histogram',
    help: 'Time that the token took for one signature, without queue and transport, by outcome: signed or failed.',
    labels: ['outcome'],
    roles: SIGNERS,
    alarm: 'any `outcome="failed"` for 5 minutes',
    buckets: FAST,
  },
  igc_signer_up: {
    type: 'gauge',
    help: 'Whether the signer of this token answers on the socket of this role.',
    labels: ['token'],
    roles: ALL,
    alarm: '`igc_signer_up == 0` for 1 minute',
  },
  igc_signer_ready: {
    type: 'gauge',
    help: 'Whether the signer would take a request now: its token is open and its breaker is not.',
    labels: ['token'],
    roles: ALL,
    alarm: '`igc_signer_ready == 0` for 1 minute',
  },
  igc_signer_queued_calls: {
    type: 'gauge',
    help: 'Requests that wait for the token.',
    labels: ['token'],
    roles: ALL,
    alarm: 'above 128 (half of the queue) for 1 minute',
  },
  igc_signer_calls_in_flight: {
    type: 'gauge',
    help: 'Calls that the token works on, at most one for each session.',
    labels: ['token'],
    roles: ALL,
  },
  igc_signer_hung_calls: {
    type: 'gauge',
    help: 'Calls that the token still has after their deadline; each holds a session.',
    labels: ['token'],
    roles: ALL,
    alarm: '`igc_signer_hung_calls > 0` for 1 minute',
  },
  igc_signer_breaker_state: {
    type: 'gauge',
    help: 'The circuit breaker before the token: 1 for the state it is in, closed, open or half-open, and 0 for the others.',
    labels: ['token', 'state'],
    roles: ALL,
    alarm: '`igc_signer_breaker_state{state="open"} == 1` for 1 minute',
  },
  igc_token_state: {
    type: 'gauge',
    help: 'The token: 1 for the state it is in, opening, open, away or latched (its PIN was refused), and 0 for the others.',
    labels: ['token', 'state'],
    roles: ALL,
    alarm: '`igc_token_state{state="latched"} == 1` at once: nobody tries the PIN again until its file changes',
  },
  igc_token_missing_keys: {
    type: 'gauge',
    help: 'Authorities whose key the token does not hold, or holds another one for.',
    labels: ['token'],
    roles: ALL,
    alarm: '`igc_token_missing_keys > 0` at once',
  },
  igc_crl_number: {
    type: 'gauge',
    help: 'Number of the last published CRL of an authority.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm: '`resets(igc_crl_number[1d]) > 0`: a number went back',
  },
  igc_crl_this_update_timestamp_seconds: {
    type: 'gauge',
    help: 'thisUpdate of that CRL; its age is time() minus this.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm:
      '`time() - igc_crl_this_update_timestamp_seconds{issuer=~"ACI.*"}` above its period (25 hours for the TEST hierarchy)',
  },
  igc_crl_next_update_timestamp_seconds: {
    type: 'gauge',
    help: 'nextUpdate of that CRL: relying parties reject it afterwards.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm: `\`igc_crl_next_update_timestamp_seconds - time() ${DAYS(2)}\`; for roots (\`issuer=~"ACR.*"\`), whose list people make, ${DAYS(15)}`,
  },
  igc_crl_size_bytes: {
    type: 'gauge',
    help: 'Size of that CRL in DER.',
    labels: ['issuer'],
    roles: ['worker'],
  },
  igc_crl_entries: {
    type: 'gauge',
    help: 'Revoked certificates on that CRL.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm: 'a sudden rise: somebody revokes in masses',
  },
  igc_ca_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    help: 'End of validity of the certificate of an authority.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm: `\`igc_ca_certificate_not_after_timestamp_seconds - time()\` below the longest validity that it issues, and ${DAYS(365)}`,
  },
  igc_ocsp_responder_not_after_timestamp_seconds: {
    type: 'gauge',
    help: 'End of validity of the OCSP responder of an authority that lasts longest.',
    labels: ['issuer'],
    roles: ['worker'],
    alarm: `\`igc_ocsp_responder_not_after_timestamp_seconds - time() ${DAYS(9)}\`: the worker renews at 10 days`,
  },
  igc_outbox_rows: {
    type: 'gauge',
    help: 'Jobs that acts asked for and the relay has not taken yet.',
    labels: [],
    roles: ['worker'],
  },
  igc_outbox_lag_seconds: {
    type: 'gauge',
    help: 'How long the oldest of them waits; 0 when none does.',
    labels: [],
    roles: ['worker'],
    alarm: '`igc_outbox_lag_seconds > 60`',
  },
  igc_audit_unsealed_rows: {
    type: 'gauge',
    help: 'Committed audit rows that are not in the hash chain yet.',
    labels: [],
    roles: ['worker'],
  },
  igc_audit_seal_lag_seconds: {
    type: 'gauge',
    help: 'How long the oldest of them waits; 0 when none does.',
    labels: [],
    roles: ['worker'],
    alarm: '`igc_audit_seal_lag_seconds > 60`',
  },
  igc_jobs_given_up: {
    type: 'gauge',
    help: 'Jobs that failed as often as they may and are not tried again.',
    labels: [],
    roles: ['worker'],
    alarm: '`igc_jobs_given_up > 0`',
  },
  igc_alarms_open: {
    type: 'gauge',
    help: 'Alarms that are open, by kind (docs/operations.md); 0 for a kind of which none is.',
    labels: ['kind'],
    roles: ['worker'],
    alarm: 'above 0: `igc alarms list` says what it is about',
  },
  igc_observer_last_look_timestamp_seconds: {
    type: 'gauge',
    help: 'When this copy last looked at everything as the public sees it; 0 when it never did, because another copy does or neither OBSERVER_URL nor OBSERVER_LDAP_URL is set.',
    labels: [],
    roles: ['worker'],
    alarm:
      '`time() - max(igc_observer_last_look_timestamp_seconds) > 1800` where OBSERVER_URL or OBSERVER_LDAP_URL is set',
  },
  igc_observer_findings: {
    type: 'gauge',
    help: 'What was wrong when this copy last looked, over HTTP (OCSP with it) and in the LDAP directory; absent when it never did.',
    labels: ['view'],
    roles: ['worker'],
    alarm: 'above 0 for 10 minutes: `igc alarms list` says what',
  },
  igc_directory_feed_rows: {
    type: 'gauge',
    help: 'Issuances and revocations that the LDAP directory has not followed, counted up to 100,000; 0 where the directory is off.',
    labels: [],
    roles: ['worker'],
  },
  igc_directory_refused_entries: {
    type: 'gauge',
    help: 'Entries that the directory refuses and is asked again to take.',
    labels: [],
    roles: ['worker'],
    alarm: '`igc_directory_refused_entries > 0` for 1 hour',
  },
  igc_directory_refused_age_seconds: {
    type: 'gauge',
    help: 'How long the oldest of them has been refused; 0 when none is.',
    labels: [],
    roles: ['worker'],
  },
  igc_directory_complete_timestamp_seconds: {
    type: 'gauge',
    help: 'When the directory last had everything but what it refuses; 0 before the first time, and where it is off.',
    labels: [],
    roles: ['worker'],
    alarm: '`time() - igc_directory_complete_timestamp_seconds > 600` where LDAP_URL is set',
  },
  igc_certificate_store_behind_rows: {
    type: 'gauge',
    help: 'Rows of the status feed that the certificate store has not followed; counted up to 10,000.',
    labels: [],
    roles: ['worker'],
    alarm: 'above 1,000 for 5 minutes: what was issued cannot be found, and what was revoked still can',
  },
  igc_certificate_store_read_timestamp_seconds: {
    type: 'gauge',
    help: 'When the certificate store last followed the feed, whichever worker did; 0 before the first time.',
    labels: [],
    roles: ['worker'],
    alarm: '`time() - igc_certificate_store_read_timestamp_seconds > 120`',
  },
  igc_notice_mails_waiting: {
    type: 'gauge',
    help: 'Mails of notices that wait or are being sent.',
    labels: [],
    roles: ['worker'],
  },
  igc_notice_mail_oldest_waiting_seconds: {
    type: 'gauge',
    help: 'Age of the mail of a notice that has waited longest; 0 when none waits. A digest waits until its time of day.',
    labels: [],
    roles: ['worker'],
    alarm: 'above 86,400: the mail server takes nothing',
  },
  igc_notice_mails_total: {
    type: 'counter',
    help: 'Mails of notices handed to the mail server, by outcome: sent, postponed (it may take them later) or refused.',
    labels: ['outcome'],
    roles: ['worker'],
    alarm: '`outcome="refused"` rises faster than addresses change',
  },
  igc_notices_last_run_timestamp_seconds: {
    type: 'gauge',
    help: 'When this copy last looked through to the end for notices that are due, which each copy does every minute; 0 before, and where SMTP_URL is not set.',
    labels: [],
    roles: ['worker'],
    alarm: '`time() - max(igc_notices_last_run_timestamp_seconds) > 3600` where SMTP_URL is set',
  },
  igc_webhook_deliveries_waiting: {
    type: 'gauge',
    help: 'Events that wait for a webhook, tried before or not, without those of disabled webhooks; 100,000 at most.',
    labels: [],
    roles: ['worker'],
  },
  igc_webhook_oldest_waiting_seconds: {
    type: 'gauge',
    help: 'Age of the event that has waited longest for a webhook; 0 when none waits.',
    labels: [],
    roles: ['worker'],
    alarm: 'above 3,600: `igc webhook list` says whose receiver is away; after three days events are given up',
  },
  igc_webhook_feed_rows: {
    type: 'gauge',
    help: 'Rows of the status feed beyond the place up to which webhooks were told; counted up to 10,000. 0 before the first webhook.',
    labels: [],
    roles: ['worker'],
    alarm: 'above 1,000 for 5 minutes where WEBHOOK_SECRET_FILE is set',
  },
  igc_webhook_deliveries_total: {
    type: 'counter',
    help: 'Tries to tell a webhook, by outcome: delivered or failed; and as given_up events that are not tried any more.',
    labels: ['outcome'],
    roles: ['worker'],
    alarm: 'any increase of `outcome="given_up"`',
  },
  igc_ocsp_answer_duration_seconds: {
    type: 'histogram',
    help: 'Time that each OCSP answer took, by what it says: good, revoked, unknown, malformedRequest, unauthorized, tryLater or internalError.',
    labels: ['status'],
    roles: ['public'],
    alarm:
      'any `status="tryLater"` or `"internalError"` for 1 minute; 99th percentile above 1 second; a rise of `status="unknown"`: somebody guesses serials, or rows are lost',
    buckets: FAST,
  },
  igc_feed_lag_seconds: {
    type: 'gauge',
    help: 'Time since this copy last began a complete reading of the status feed; beyond 5 seconds it answers tryLater.',
    labels: [],
    roles: ['public'],
    alarm: '`igc_feed_lag_seconds > 2`',
  },
  igc_feed_lag_rows: {
    type: 'gauge',
    help: 'Rows of the status feed beyond the position of this copy; counted up to 10,000.',
    labels: [],
    roles: ['public'],
    alarm: 'above 1,000 for 1 minute: some transaction stays open and holds the position back',
  },
  igc_http_requests_total: {
    type: 'counter',
    help: 'Requests answered by the listener of this role, by operation of openapi.yaml (none: a path that does not exist) and HTTP status.',
    labels: ['operation', 'status'],
    roles: ['api', 'public'],
    alarm: '`status=~"5.."` above 1 in 100 for 5 minutes; a rise of 401, 403 or 429',
  },
  igc_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the head of a request to the end of its answer, by operation.',
    labels: ['operation'],
    roles: ['api', 'public'],
    alarm: '99th percentile above SIGNING_DEADLINE_MS for orderCertificate, above 1 second for the others',
    buckets: FAST,
  },
  igc_api_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    help: 'End of validity of the TLS certificate that this copy shows now.',
    labels: [],
    roles: ['api'],
    alarm: `\`igc_api_certificate_not_after_timestamp_seconds - time() ${DAYS(15)}\``,
  },
  igc_api_certificate_renewals_total: {
    type: 'counter',
    help: 'Changed TLS files that this copy took, or refused and went on with the old ones.',
    labels: ['outcome'],
    roles: ['api'],
    alarm: 'any increase of `outcome="refused"`: the log names the reason',
  },
  igc_database_connections: {
    type: 'gauge',
    help: 'Connections of this process to PostgreSQL, by state: idle or busy.',
    labels: ['state'],
    roles: CALLERS,
  },
  igc_database_waiting_requests: {
    type: 'gauge',
    help: 'Requests that wait for a connection because all are busy.',
    labels: [],
    roles: CALLERS,
    alarm: '`igc_database_waiting_requests > 0` for 1 minute',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof CATALOGUE;
type OfType<Type> = {
  [Name in MetricName]: (typeof CATALOGUE)[Name]['type'] extends Type ? Name : never;
}[MetricName];
export type CounterName = OfType<'counter'>;
export type GaugeName = OfType<'gauge'>;
export type HistogramName = OfType<'histogram'>;

/** The labels that a metric wants, each of them and no other. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof CATALOGUE)[Name]['labels'][number], string>>;

/** The metrics that a role gives, in the order of the catalogue. */
export const metricsOf = (role: RoleWithMetrics): readonly MetricName[] =>
  (Object.keys(CATALOGUE) as MetricName[]).filter((name) =>
    (CATALOGUE[name].roles as readonly RoleWithMetrics[]).includes(role),
  );

/** Where a role listens when METRICS_LISTEN names a host alone: one port each, so that they share a machine and an environment. */
export const METRICS_PORTS: Readonly<Record<RoleWithMetrics, number>> = {
  api: 9460,
  public: 9461,
  worker: 9462,
  'signer issuing': 9463,
  'signer ocsp': 9464,
};
