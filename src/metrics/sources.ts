// Where the gauges of each role come from: its database, and what the database says of lists, responders and backlogs.

import { countOpenAlarms } from '#db/alarms.ts';
import { unsealedBacklog } from '#db/audit-chain.ts';
import type { Database } from '#db/connect.ts';
import { feedRowsBeyond, jobsGivenUp, publishedLists } from '#db/gauges.ts';
import { noticeBacklog } from '#db/notice-mails.ts';
import { outboxBacklog } from '#db/outbox.ts';
import { listAllResponders } from '#db/responders.ts';
import { webhookBacklog } from '#db/webhook-deliveries.ts';
import { webhookFeedCursor } from '#db/webhook-events.ts';
import { ALARM_KINDS } from '../alarms/raise.ts';
import { directoryLag } from '../directory/lag.ts';
import type { Observer } from '../observer/observe.ts';
import type { StatusIndex } from '../ocsp/status.ts';
import { storeLag } from '../store/lag.ts';
import type { Needs } from '../system.ts';
import { plain, type Sample, type Source, timestamp } from './source.ts';

/** Beyond this it does not matter how many more there are. */
const MOST_ROWS = 10_000;

/** The connections of this process; asks nobody. */
export const connectionSource = (db: Database): Source => ({
  name: 'connections',
  read() {
    const { total, idle, waiting } = db.connections();
    return [
      { name: 'igc_database_connections', labels: { state: 'idle' }, value: idle },
      { name: 'igc_database_connections', labels: { state: 'busy' }, value: total - idle },
      plain('igc_database_waiting_requests', waiting),
    ];
  },
});

/** The last CRL of each authority. */
export const listSource = ({ db }: Needs<'db'>): Source => ({
  name: 'lists',
  async read() {
    return (await publishedLists(db.read)).flatMap(({ issuer, number, thisUpdate, nextUpdate, entries, bytes }) => {
      const labels = { issuer };
      return [
        { name: 'igc_crl_number', labels, value: number },
        { name: 'igc_crl_this_update_timestamp_seconds', labels, value: timestamp(thisUpdate) },
        { name: 'igc_crl_next_update_timestamp_seconds', labels, value: timestamp(nextUpdate) },
        { name: 'igc_crl_entries', labels, value: entries },
        { name: 'igc_crl_size_bytes', labels, value: bytes },
      ] satisfies Sample[];
    });
  },
});

/** The ends of what expires: authorities, and the responders that answer for them. */
export const expirySource = ({ db, clock, authorities }: Needs<'db' | 'clock' | 'authorities'>): Source => ({
  name: 'expiries',
  async read() {
    const responders = await listAllResponders(db.read, clock());
    const last = new Map<string, Date>();
    // the ones that last longest come first
    for (const { issuer, notAfter } of responders) if (!last.has(issuer)) last.set(issuer, notAfter);
    return [
      ...[...authorities.values()].map(
        ({ id, certificate }): Sample => ({
          name: 'igc_ca_certificate_not_after_timestamp_seconds',
          labels: { issuer: id },
          value: timestamp(certificate.notAfter),
        }),
      ),
      ...[...last].map(
        ([issuer, notAfter]): Sample => ({
          name: 'igc_ocsp_responder_not_after_timestamp_seconds',
          labels: { issuer },
          value: timestamp(notAfter),
        }),
      ),
    ];
  },
});

/** What waits for the worker, and what it gave up. */
export const backlogSource = ({ db, clock }: Needs<'db' | 'clock'>): Source => ({
  name: 'backlogs',
  async read() {
    const now = clock();
    const outbox = await outboxBacklog(db.read);
    const audit = await unsealedBacklog(db.read);
    return [
      plain('igc_outbox_rows', outbox.rows),
      plain('igc_outbox_lag_seconds', ageOf(outbox.oldest, now)),
      plain('igc_audit_unsealed_rows', audit.rows),
      plain('igc_audit_seal_lag_seconds', ageOf(audit.oldest, now)),
      plain('igc_jobs_given_up', await jobsGivenUp(db.read)),
    ];
  },
});

/** How far the certificate store has followed. */
export const storeSource = (system: Needs<'db'>): Source => ({
  name: 'certificate store',
  async read() {
    const { rows, readAt } = await storeLag(system);
    return [
      plain('igc_certificate_store_behind_rows', rows),
      plain('igc_certificate_store_read_timestamp_seconds', readAt === undefined ? 0 : timestamp(readAt)),
    ];
  },
});

/** The mails of notices that wait, and when this copy last looked for what is due. */
export const noticeSource = ({ db, clock }: Needs<'db' | 'clock'>, lastRun: { readonly at?: Date }): Source => ({
  name: 'notices',
  async read() {
    const { mails, oldest } = await noticeBacklog(db.read);
    return [
      plain('igc_notice_mails_waiting', mails),
      plain('igc_notice_mail_oldest_waiting_seconds', ageOf(oldest, clock())),
      plain('igc_notices_last_run_timestamp_seconds', lastRun.at === undefined ? 0 : timestamp(lastRun.at)),
    ];
  },
});

/** What waits for webhooks, and how far the feed was followed for them. */
export const webhookSource = ({ db, clock }: Needs<'db' | 'clock'>): Source => ({
  name: 'webhooks',
  async read() {
    const { deliveries, oldest } = await webhookBacklog(db.read);
    const cursor = await webhookFeedCursor(db.read);
    return [
      plain('igc_webhook_deliveries_waiting', deliveries),
      plain('igc_webhook_oldest_waiting_seconds', ageOf(oldest, clock())),
      plain('igc_webhook_feed_rows', cursor === undefined ? 0 : await feedRowsBeyond(db.read, cursor, MOST_ROWS)),
    ];
  },
});

const ageOf = (since: Date | null, now: Date): number =>
  since === null ? 0 : Math.max(0, (now.getTime() - since.getTime()) / 1_000);

/** How many alarms of each kind are open. */
export const alarmSource = ({ db }: Needs<'db'>): Source => ({
  name: 'alarms',
  async read() {
    const open = await countOpenAlarms(db.read);
    return ALARM_KINDS.map((kind) => ({ name: 'igc_alarms_open', labels: { kind }, value: open.get(kind) ?? 0 }));
  },
});

/** When this copy last observed the public's view, and how much was wrong with it. */
export const observerSource = ({ lastLook }: Pick<Observer, 'lastLook'>): Source => ({
  name: 'observer',
  read: () => [
    plain('igc_observer_last_look_timestamp_seconds', lastLook.at === undefined ? 0 : timestamp(lastLook.at)),
    ...Object.entries(lastLook.wrong ?? {}).map(
      ([view, value]): Sample => ({ name: 'igc_observer_findings', labels: { view }, value }),
    ),
  ],
});

/** What the directory lacks; nothing where there is none. */
export const directorySource = (system: Needs<'db' | 'clock' | 'config'>): Source => ({
  name: 'directory',
  async read() {
    const off = { rows: 0, refused: 0, refusedSince: undefined, completeAt: undefined };
    const lag = system.config.LDAP_URL === undefined ? off : await directoryLag(system);
    const { rows, refused, refusedSince, completeAt } = lag;
    return [
      plain('igc_directory_feed_rows', rows),
      plain('igc_directory_refused_entries', refused),
      plain(
        'igc_directory_refused_age_seconds',
        refusedSince === undefined ? 0 : Math.max(0, (system.clock().getTime() - refusedSince.getTime()) / 1_000),
      ),
      plain('igc_directory_complete_timestamp_seconds', completeAt === undefined ? 0 : timestamp(completeAt)),
    ];
  },
});

/** How long ago this copy read the feed; known without the database. */
export const feedSource = (status: StatusIndex): Source => ({
  name: 'status feed',
  read: () => [plain('igc_feed_lag_seconds', status.lagMs(performance.now()) / 1_000)],
});

/** How much of the feed this copy has not read for good. */
export const feedRowsSource = (status: StatusIndex, db: Database): Source => ({
  name: 'status feed rows',
  read: async () => [plain('igc_feed_lag_rows', await feedRowsBeyond(db.read, status.position(), MOST_ROWS))],
});

/** Until when the API's TLS certificate, as it is shown now, is valid. */
export const apiCertificateSource = (notAfter: () => Date): Source => ({
  name: 'API certificate',
  read: () => [plain('igc_api_certificate_not_after_timestamp_seconds', timestamp(notAfter()))],
});
