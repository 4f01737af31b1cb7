import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { violates } from '#db/query-error.ts';
import { type FreshDatabase, freshDatabase } from '../helpers/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const bytes = (count: number) => `decode(repeat('42', ${count}), 'hex')`;
const text = (count: number) => `repeat('x', ${count})`;
const ID = "'018f0000-0000-7000-8000-000000000000'";
const FROM = "'2026-11-21T10:00:00Z'";
const TO = "'2029-11-21T10:00:00Z'";
const HEX = "repeat('a', 64)";

/** One row that every CHECK accepts, per table, as SQL literals. */
const VALID: Record<string, Record<string, string>> = {
  hierarchy: { name: "'TEST'", urls: "'{}'", digest: HEX },
  certification_authority: {
    id: "'CA'",
    kind: "'intermediate'",
    issuer: "'ROOT'",
    certificate: bytes(9),
    subject: bytes(9),
    key_id: bytes(20),
    key_digest: bytes(32),
    not_before: FROM,
    not_after: TO,
  },
  structure: { id: ID, struct_id_nat: "'3'", name: "'X'", department: "'Paris (75)'" },
  administrator: { id: ID, issuing_ca: "'CA'", card_profile: "'cps-auth'", national_id: "'8'" },
  certificate: {
    id: ID,
    issuer: "'CA'",
    serial: bytes(16),
    profile: "'serv-ssl'",
    profile_digest: HEX,
    state: "'signing'",
    tbs: bytes(9),
    subject: "'CN=X'",
    holder: "'{}'",
    holder_key: "'3'",
    key_digest: bytes(32),
    order_digest: bytes(32),
    actor: "'a'",
    actor_kind: "'operator'",
    not_before: FROM,
    not_after: TO,
  },
  blocked_key: { key_digest: bytes(32), reason: "'keyCompromise'" },
  revocation: {
    certificate_id: ID,
    issuer: "'CA'",
    serial: bytes(16),
    not_after: TO,
    revoked_at: FROM,
    reason: "'superseded'",
    actor: "'a'",
  },
  status_feed: { issuer: "'CA'", serial: bytes(16) },
  feed_reader: { copy: "'public-1'", xid: "'1'", position: '0', seen_at: FROM },
  crl: {
    issuer: "'CA'",
    number: '1',
    state: "'signing'",
    scheduled: 'true',
    this_update: FROM,
    next_update: TO,
    entries: '0',
    tbs: bytes(9),
  },
  lease: { name: "'crl'", holder: "'a'", epoch: '1', expires_at: TO },
  ocsp_responder: { key_id: bytes(20), issuer: "'CA'", certificate_id: ID, not_before: FROM, not_after: TO },
  idempotency: {
    actor: "'a'",
    route: "'r'",
    key: "'k'",
    body_digest: bytes(32),
    state: "'running'",
    lease_until: TO,
  },
  audit_event: {
    at: FROM,
    kind: "'k'",
    actor: "'a'",
    subject_id: "'s'",
    content: "'{}'",
    salt: bytes(16),
    digest: bytes(32),
  },
  audit_chain: { position: '1', event_id: '1', previous_hash: bytes(32), hash: bytes(32) },
  audit_head: { position: '0', hash: bytes(32), xid: "'0'", event_id: '0' },
  outbox: { task: "'t'", payload: "'{}'", job_key: "'k'" },
  alarm: { kind: "'list_stale'", subject: "'CA'", detail: "'d'", raised_at: FROM, last_seen_at: TO },
  alarm_delivery: { alarm_id: '1', channel: "'webhook'", event: "'raised'", delivered_at: FROM },
  certificate_store: {
    certificate_id: ID,
    issuer: "'CA'",
    profile: "'serv-ssl'",
    not_after: TO,
    sought_name: "'x'",
    certificate_key: bytes(20),
    subject_key: bytes(20),
    issuer_and_serial_key: bytes(20),
    key_identifier_key: bytes(20),
    hosts: "'{}'",
    mailboxes: "'{}'",
  },
  contact: {
    id: ID,
    owner_kind: "'structure'",
    owner_key: "'3'",
    role: "'owner'",
    email: "'a@example.fr'",
    language: "'fr'",
  },
  notice: { certificate_id: ID, threshold: "'2m'", due_at: FROM, message_id: "'<notice@example.fr>'" },
  notice_mail: {
    certificate_id: ID,
    threshold: "'2m'",
    email: "'a@example.fr'",
    language: "'fr'",
    message_id: "'<notice@example.fr>'",
    next_at: FROM,
  },
  notice_progress: { threshold: "'2m'", not_after: TO },
  worker_heartbeat: { worker: "'pool-1'", started_at: FROM, seen_at: TO },
  directory_progress: { xid: "'0'", position: '0', ended_until: FROM },
  directory_pending: { entry: "'e'", attempts: '1', reason: "'result_65'", since: FROM, next_try: TO },
  directory_list: { authority: "'CA'", number: '0', written_at: FROM },
  directory_look: { certificate_id: ID },
  mailbox_consent: {
    id: ID,
    mailbox: "'a@example.fr'",
    given_at: FROM,
    given_by: "'operator:a'",
    evidence: "'letter 1'",
    withdrawn_at: TO,
    withdrawn_by: "'operator:b'",
  },
  delivery_report: { message: bytes(9), received_at: FROM },
  revocation_raise: { certificate_id: ID, reason_before: "'superseded'", raised_at: FROM },
  webhook: { id: ID, url: "'https://example.fr/hook'", events: "'{certificate.issued}'" },
  webhook_delivery: {
    webhook_id: ID,
    certificate_id: ID,
    event: "'certificate.issued'",
    occurred_at: FROM,
    next_at: FROM,
    give_up_at: TO,
  },
  webhook_feed: { xid: "'0'", position: '0' },
  webhook_ends: { what: "'2m'", not_after: TO },
};

const published = { state: "'published'", tbs: 'null', der: bytes(9), epoch: '1', settled_at: TO };
const issued = { state: "'issued'", der: bytes(99), settled_at: TO };

/** Every CHECK by name, with each change of the valid row that it must refuse. */
const BROKEN: [table: string, check: string, ...changes: Record<string, string>[]][] = [
  ['hierarchy', 'hierarchy_one_row', { one_row: 'false' }],
  ['hierarchy', 'hierarchy_name', { name: "''" }, { name: text(65) }],
  ['hierarchy', 'hierarchy_urls', { urls: "'[]'" }],
  ['hierarchy', 'hierarchy_digest', { digest: "upper(repeat('a', 64))" }, { digest: text(63) }],
  ['certification_authority', 'certification_authority_id', { id: "''" }, { id: text(65) }],
  ['certification_authority', 'certification_authority_kind', { kind: "'leaf'" }],
  ['certification_authority', 'certification_authority_self_issued', { issuer: "'CA'" }, { kind: "'root'" }],
  [
    'certification_authority',
    'certification_authority_certificate',
    { certificate: bytes(0) },
    { certificate: bytes(65537) },
  ],
  ['certification_authority', 'certification_authority_subject', { subject: bytes(0) }, { subject: bytes(4097) }],
  ['certification_authority', 'certification_authority_key_id', { key_id: bytes(19) }, { key_id: bytes(21) }],
  ['certification_authority', 'certification_authority_key_digest', { key_digest: bytes(20) }],
  ['certification_authority', 'certification_authority_validity', { not_after: FROM }],
  ['structure', 'structure_struct_id_nat', { struct_id_nat: "''" }, { struct_id_nat: text(65) }],
  ['structure', 'structure_name', { name: "''" }, { name: text(257) }],
  ['structure', 'structure_department', { department: "''" }, { department: text(129) }],
  ['administrator', 'administrator_issuing_ca', { issuing_ca: "''" }, { issuing_ca: text(65) }],
  ['administrator', 'administrator_card_profile', { card_profile: "''" }, { card_profile: text(65) }],
  ['administrator', 'administrator_national_id', { national_id: "''" }, { national_id: text(65) }],
  ['certificate', 'certificate_issuer', { issuer: "''" }, { issuer: text(65) }],
  [
    'certificate',
    'certificate_serial',
    { serial: "'\\x'" },
    { serial: bytes(7) },
    { serial: bytes(21) },
    { serial: "'\\x0042424242424242'" },
    { serial: "'\\x8042424242424242'" },
    { serial: "'\\xff42424242424242'" },
  ],
  ['certificate', 'certificate_profile', { profile: "''" }, { profile: text(65) }],
  ['certificate', 'certificate_profile_digest', { profile_digest: "''" }],
  ['certificate', 'certificate_state', { state: "'revoked'", settled_at: TO }],
  ['certificate', 'certificate_tbs', { tbs: bytes(0) }, { tbs: bytes(65537) }],
  [
    'certificate',
    'certificate_der_when_issued',
    { der: bytes(99) },
    { state: "'issued'", settled_at: TO },
    { state: "'burnt'", settled_at: TO, der: bytes(99) },
    { state: "'unsigned'", settled_at: TO, der: bytes(99) },
  ],
  ['certificate', 'certificate_der', { ...issued, der: bytes(9) }, { ...issued, der: bytes(65537) }],
  ['certificate', 'certificate_settled', { settled_at: TO }, { state: "'burnt'" }, { state: "'unsigned'" }],
  ['certificate', 'certificate_subject', { subject: "''" }, { subject: text(2049) }],
  ['certificate', 'certificate_holder', { holder: "'[]'" }, { holder: `jsonb_build_object('a', ${text(8192)})` }],
  ['certificate', 'certificate_holder_key', { holder_key: "''" }, { holder_key: text(129) }],
  ['certificate', 'certificate_structure', { structure: "''" }, { structure: text(65) }],
  ['certificate', 'certificate_key_digest', { key_digest: bytes(31) }],
  ['certificate', 'certificate_order_digest', { order_digest: bytes(33) }],
  ['certificate', 'certificate_actor', { actor: "''" }, { actor: text(257) }],
  ['certificate', 'certificate_actor_kind', { actor_kind: "'nobody'" }],
  ['certificate', 'certificate_validity', { not_after: FROM }, { not_before: TO, not_after: FROM }],
  ['blocked_key', 'blocked_key_key_digest', { key_digest: bytes(20) }],
  ['blocked_key', 'blocked_key_reason', { reason: "''" }, { reason: text(129) }],
  ['revocation', 'revocation_reason', { reason: "'certificateHold'" }, { reason: "'removeFromCRL'" }, { reason: "''" }],
  ['revocation', 'revocation_actor', { actor: "''" }, { actor: text(257) }],
  ['status_feed', 'status_feed_issuer', { issuer: "''" }, { issuer: text(65) }],
  ['status_feed', 'status_feed_serial', { serial: bytes(7) }, { serial: bytes(21) }],
  ['feed_reader', 'feed_reader_copy', { copy: "''" }, { copy: text(129) }],
  ['feed_reader', 'feed_reader_position', { position: '-1' }],
  ['crl', 'crl_number', { number: '0' }, { number: '-1' }],
  ['crl', 'crl_state', { state: "'revoked'", settled_at: TO }],
  ['crl', 'crl_validity', { next_update: FROM }],
  ['crl', 'crl_entries', { entries: '-1' }],
  ['crl', 'crl_der_when_published', { der: bytes(9) }, { ...published, der: 'null' }],
  ['crl', 'crl_tbs_until_published', { tbs: 'null' }, { ...published, tbs: bytes(9) }],
  ['crl', 'crl_epoch_when_published', { epoch: '1' }, { ...published, epoch: 'null' }],
  ['crl', 'crl_settled', { settled_at: TO }, { ...published, settled_at: 'null' }],
  ['lease', 'lease_name', { name: "''" }, { name: text(129) }],
  ['lease', 'lease_holder', { holder: "''" }, { holder: text(129) }],
  ['lease', 'lease_epoch', { epoch: '0' }],
  ['ocsp_responder', 'ocsp_responder_key_id', { key_id: bytes(32) }],
  ['ocsp_responder', 'ocsp_responder_validity', { not_after: FROM }],
  ['idempotency', 'idempotency_actor', { actor: "''" }, { actor: text(257) }],
  ['idempotency', 'idempotency_route', { route: "''" }, { route: text(129) }],
  ['idempotency', 'idempotency_key', { key: "''" }, { key: text(256) }],
  ['idempotency', 'idempotency_body_digest', { body_digest: bytes(20) }],
  ['idempotency', 'idempotency_state', { state: "'failed'", lease_until: 'null' }],
  ['idempotency', 'idempotency_attempt', { attempt: '0' }],
  ['idempotency', 'idempotency_lease_while_running', { lease_until: 'null' }, { state: "'done'", certificate_id: ID }],
  [
    'idempotency',
    'idempotency_one_outcome',
    { certificate_id: ID },
    { refusal: "'{}'" },
    { state: "'done'", lease_until: 'null' },
    { state: "'done'", lease_until: 'null', certificate_id: ID, refusal: "'{}'" },
  ],
  ['audit_event', 'audit_event_kind', { kind: "''" }, { kind: text(65) }],
  ['audit_event', 'audit_event_actor', { actor: "''" }, { actor: text(257) }],
  ['audit_event', 'audit_event_subject_id', { subject_id: "''" }, { subject_id: text(257) }],
  ['audit_event', 'audit_event_content', { content: "'[]'" }],
  ['audit_event', 'audit_event_salt', { salt: bytes(8) }],
  ['audit_event', 'audit_event_digest', { digest: bytes(20) }],
  ['audit_event', 'audit_event_erased', { content: 'null' }, { salt: 'null' }],
  ['audit_chain', 'audit_chain_position', { position: '0' }],
  ['audit_chain', 'audit_chain_previous_hash', { previous_hash: bytes(31) }],
  ['audit_chain', 'audit_chain_hash', { hash: bytes(33) }],
  ['audit_head', 'audit_head_one_row', { one_row: 'false' }],
  ['audit_head', 'audit_head_position', { position: '-1' }],
  ['audit_head', 'audit_head_hash', { hash: bytes(31) }],
  ['outbox', 'outbox_task', { task: "''" }, { task: text(65) }],
  ['outbox', 'outbox_payload', { payload: "'[]'" }],
  ['outbox', 'outbox_job_key', { job_key: "''" }, { job_key: text(257) }],
  ['certificate_store', 'certificate_store_struct_id_nat', { structure: "''" }, { structure: text(65) }],
  ['certificate_store', 'certificate_store_sought_name', { sought_name: text(161) }],
  ['certificate_store', 'certificate_store_common_name_length', { common_name: "''" }, { common_name: text(129) }],
  ...['certificate_key', 'subject_key', 'issuer_and_serial_key', 'key_identifier_key'].map(
    (key): (typeof BROKEN)[number] => [
      'certificate_store',
      `certificate_store_${key}`,
      { [key]: bytes(19) },
      { [key]: bytes(21) },
    ],
  ),
  [
    'certificate_store',
    'certificate_store_names',
    { hosts: "array_fill('x'::text, array[1001])" },
    { mailboxes: "array_fill('x'::text, array[1001])" },
  ],
  ['directory_progress', 'directory_progress_one_row', { one_row: 'false' }],
  ['directory_progress', 'directory_progress_position', { position: '-1' }],
  ['directory_pending', 'directory_pending_entry', { entry: "''" }, { entry: text(1025) }],
  ['directory_pending', 'directory_pending_attempts', { attempts: '0' }],
  ['directory_pending', 'directory_pending_reason', { reason: "''" }, { reason: text(65) }],
  ['directory_list', 'directory_list_number', { number: '-1' }],
  ['mailbox_consent', 'mailbox_consent_mailbox', { mailbox: "'a'" }, { mailbox: "'a b@example.fr'" }],
  ['mailbox_consent', 'mailbox_consent_given_by', { given_by: "''" }, { given_by: text(257) }],
  [
    'mailbox_consent',
    'mailbox_consent_evidence',
    { evidence: "''" },
    { evidence: text(121) },
    { evidence: "'mail of a@example.fr'" },
    { evidence: String.raw`E'two\nlines'` },
  ],
  ['mailbox_consent', 'mailbox_consent_withdrawn', { withdrawn_by: 'null' }, { withdrawn_at: 'null' }],
  ['mailbox_consent', 'mailbox_consent_order', { given_at: TO, withdrawn_at: FROM }],
  ['mailbox_consent', 'mailbox_consent_withdrawn_by', { withdrawn_by: "''" }, { withdrawn_by: text(257) }],
  ['alarm', 'alarm_kind', { kind: "''" }, { kind: "'List'" }, { kind: text(65) }],
  ['alarm', 'alarm_subject', { subject: "''" }, { subject: text(257) }],
  ['alarm', 'alarm_detail', { detail: "''" }, { detail: text(1001) }],
  ['alarm', 'alarm_times', { times: '0' }],
  ['alarm', 'alarm_seen', { raised_at: TO, last_seen_at: FROM }],
  ['alarm', 'alarm_acknowledged', { acknowledged_at: TO }, { acknowledged_by: "'a'" }],
  ['alarm', 'alarm_acknowledged_by', { acknowledged_at: TO, acknowledged_by: text(257) }],
  ['alarm_delivery', 'alarm_delivery_channel', { channel: "''" }, { channel: "'Mail'" }, { channel: text(33) }],
  ['alarm_delivery', 'alarm_delivery_event', { event: "'seen'" }],
  ['contact', 'contact_owner_kind', { owner_kind: "'person'" }],
  ['contact', 'contact_owner_key', { owner_key: "''" }, { owner_key: text(129) }],
  ['contact', 'contact_role', { role: "'boss'" }],
  [
    'contact',
    'contact_role_of_owner',
    { role: "'technical'" },
    { owner_kind: "'administrator'" },
    { owner_kind: "'holder'", role: "'fallback'" },
  ],
  [
    'contact',
    'contact_email',
    { email: "'a'" },
    { email: "'a@' || repeat('x', 253)" },
    { email: String.raw`E'a@example.fr\r\nBcc: b@example.fr'` },
    { email: "'a b@example.fr'" },
  ],
  ['contact', 'contact_language', { language: "'de'" }],
  ['contact', 'contact_refused', { refused_at: FROM }, { refused_why: "'smtp_550'" }],
  ['contact', 'contact_refused_why', { refused_at: FROM, refused_why: "'No such user'" }],
  ['notice', 'notice_threshold', { threshold: "'0d'" }, { threshold: "'soon'" }],
  ['notice', 'notice_message_id_form', { message_id: "'notice'" }, { message_id: String.raw`E'<a\n@b>'` }],
  ['notice_mail', 'notice_mail_kind', { threshold: 'null' }, { certificate_id: 'null', threshold: 'null' }],
  ['notice_mail', 'notice_mail_collected', { digest_day: "'2026-11-29'" }, { state: "'collected'", settled_at: FROM }],
  ['notice_mail', 'notice_mail_email', { email: "'a'" }, { email: String.raw`E'a@b\n'` }],
  ['notice_mail', 'notice_mail_language', { language: "'de'" }],
  ['notice_mail', 'notice_mail_message_id', { message_id: "''" }, { message_id: text(251) }],
  ['notice_mail', 'notice_mail_state', { state: "'lost'", settled_at: FROM }],
  ['notice_mail', 'notice_mail_attempt', { attempt: '-1' }],
  ['notice_mail', 'notice_mail_settled', { state: "'sent'" }, { settled_at: FROM }],
  ['notice_mail', 'notice_mail_why', { why: "'No such user'" }],
  ['notice_progress', 'notice_progress_threshold', { threshold: "'2 months'" }],
  ['delivery_report', 'delivery_report_message', { message: bytes(0) }, { message: bytes(262_145) }],
  ['delivery_report', 'delivery_report_state', { state: "'lost'", read_at: TO }],
  ['delivery_report', 'delivery_report_read', { state: "'done'" }, { read_at: TO }],
  ['revocation_raise', 'revocation_raise_before', { reason_before: "'keyCompromise'" }],
  ['revocation_raise', 'revocation_raise_reason', { reason_before: "'hold'" }],
  [
    'webhook',
    'webhook_url',
    { url: "'http://10.0.0.1/'" },
    { url: "'http://localhost.example.fr/'" },
    { url: "'http://localhost:x@evil.example/'" },
    { url: "'http://localhost:80@evil.example/'" },
    { url: "'http://127.0.0.1:80.evil.example/'" },
    { url: "'https://name:password@example.fr/'" },
    { url: "'https:///hook'" },
    { url: "'ftp://localhost/'" },
    { url: "'https://example.fr/ x'" },
    { url: "'https://example.fr/' || repeat('x', 1024)" },
  ],
  ['webhook', 'webhook_structure', { structure: "''" }, { structure: text(65) }],
  ['webhook', 'webhook_events', { events: "'{}'" }, { events: "'{certificate.issued,certificate.renewed}'" }],
  ['webhook', 'webhook_generation', { generation: '0' }],
  ['webhook', 'webhook_previous', { previous_until: TO }],
  ['webhook', 'webhook_disabled', { disabled_at: TO }, { disabled_why: "'gone'" }],
  ['webhook', 'webhook_disabled_why', { disabled_at: TO, disabled_why: "'bored'" }],
  ['webhook', 'webhook_failures', { failures: '-1', failing_since: FROM }],
  ['webhook', 'webhook_failing', { failures: '1' }, { failing_since: FROM }],
  ['webhook', 'webhook_paused', { paused_until: TO }],
  ['webhook_delivery', 'webhook_delivery_event', { event: "'certificate.renewed'" }],
  [
    'webhook_delivery',
    'webhook_delivery_threshold',
    { threshold: "'30d'" },
    { event: "'certificate.expiring'" },
    { event: "'certificate.expiring'", threshold: "'soon'" },
  ],
  [
    'webhook_delivery',
    'webhook_delivery_reason',
    { reason: "'superseded'" },
    { event: "'certificate.revoked'" },
    { event: "'certificate.revocation_reason_raised'" },
  ],
  ['webhook_delivery', 'webhook_delivery_reason_word', { event: "'certificate.revoked'", reason: "'hold'" }],
  ['webhook_delivery', 'webhook_delivery_state', { state: "'lost'", settled_at: TO }],
  ['webhook_delivery', 'webhook_delivery_attempt', { attempt: '-1' }],
  ['webhook_delivery', 'webhook_delivery_in_hand', { in_hand: 'true', state: "'delivered'", settled_at: TO }],
  ['webhook_delivery', 'webhook_delivery_last_status', { last_status: '99' }, { last_status: '600' }],
  ['webhook_delivery', 'webhook_delivery_settled', { settled_at: TO }, { state: "'delivered'" }],
  ['webhook_feed', 'webhook_feed_one_row', { one_row: 'false' }],
  ['webhook_feed', 'webhook_feed_position', { position: '-1' }],
  ['webhook_ends', 'webhook_ends_what', { what: "'issued'" }, { what: "'0d'" }],
  ['worker_heartbeat', 'worker_heartbeat_worker', { worker: "''" }, { worker: text(129) }],
];

/** Inserts the valid row with these changes, alone, and takes it back; answers what the database said. */
async function insert(table: string, changes: Record<string, string> = {}): Promise<unknown> {
  const values = { ...VALID[table], ...changes };
  const statement = `insert into ${table} (${Object.keys(values).join(', ')}) values (${Object.values(values).join(', ')})`;
  const undo = new Error('undo');
  return await fresh.db
    .transaction(async (tx) => {
      // Only CHECKs are looked at: no foreign keys, no triggers, no row already there.
      await tx.execute(sql`set local session_replication_role = replica`);
      await tx.execute(sql.raw(`delete from ${table}`));
      await tx.execute(sql.raw(statement));
      throw undo;
    })
    .catch((error) => (error === undo ? 'accepted' : error));
}

test.each(Object.keys(VALID))('a valid row of %s is accepted', async (table) => {
  expect(await insert(table)).toBe('accepted');
});

test.each([
  ['certificate', issued],
  ['certificate', { state: "'burnt'", settled_at: TO }],
  ['certificate', { state: "'unsigned'", settled_at: TO }],
  ['crl', published],
  ['crl', { state: "'burnt'", settled_at: TO }],
  ['idempotency', { state: "'done'", lease_until: 'null', certificate_id: ID }],
  ['idempotency', { state: "'done'", lease_until: 'null', refusal: "'{}'" }],
  ['audit_event', { content: 'null', salt: 'null' }],
])('a row of %s is accepted with %o', async (table, changes) => {
  expect(await insert(table, changes)).toBe('accepted');
});

test.each(BROKEN)('%s: %s refuses %o', async (table, check, ...changes) => {
  for (const change of changes) {
    const error = await insert(table, change);
    expect(violates(error, check), `${JSON.stringify(change)}: ${error}`).toBe(true);
  }
});

test('every CHECK of the database is in this table', async () => {
  const { rows } = await fresh.db.read.execute<{ name: string }>(sql`
    select conname as name from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace order by conname`);
  expect(BROKEN.map(([, check]) => check).sort()).toEqual(rows.map(({ name }) => name).sort());
});

test('every table of the database has a valid row here, but pure links', async () => {
  const { rows } = await fresh.db.read.execute<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
  );
  expect([...Object.keys(VALID), 'administrator_structure'].sort()).toEqual(rows.map(({ name }) => name).sort());
});
