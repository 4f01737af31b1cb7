// What a test of notices needs: a database, a mail server, a clock that is set by hand, and certificates that end when they should.

import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { uuidv7 } from 'uuidv7';
import { linkAdministrator, recordAdministrator } from '#db/administrators.ts';
import type { CertificateIntent } from '#db/certificates.ts';
import { type ContactOwner, type ContactRole, type Language, recordContact } from '#db/contacts.ts';
import { recordStructure } from '#db/structures.ts';
import { loadConfig } from '../../src/config.ts';
import type { Log } from '../../src/log.ts';
import { type Mailer, openMailer } from '../../src/notices/mail.ts';
import type { Policies } from '../../src/policy/load.ts';
import { issued } from '../db/samples.ts';
import { policies } from '../policy/policies.ts';
import { DURAND, HOSPITAL } from './cast.ts';
import { type FreshDatabase, freshDatabase } from './database.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

export type NoticeStage = {
  readonly fresh: FreshDatabase;
  readonly sink: SmtpSink;
  readonly mailer: Mailer;
  /** what use cases need */
  readonly system: {
    readonly db: FreshDatabase['db'];
    readonly clock: () => Date;
    readonly policies: Policies;
    readonly log: Log;
  };
  /** row id of the hospital's technical administrator */
  readonly administrator: string;
  setClock(moment: string | Date): void;
  /** an issued certificate of the hospital, ordered by its administrator, valid for three years */
  issue(notAfter: string | Date, changes?: Partial<CertificateIntent>): Promise<string>;
  contact(
    owner: ContactOwner,
    email: string,
    how?: { role?: ContactRole; language?: Language; key?: string },
  ): Promise<string>;
  /** forgets certificates, contacts, notices, alarms and mails, and how the server misbehaves */
  empty(): Promise<void>;
  close(): Promise<void>;
};

type StageOptions = { readonly moreThan?: number; readonly deadlineSeconds?: number };

/** A hospital with a technical administrator, and nobody's address. */
export async function prepareNotices({ moreThan = 20, deadlineSeconds = 5 }: StageOptions = {}): Promise<NoticeStage> {
  const fresh = await freshDatabase();
  const sink = await startSmtpSink();
  let now = new Date();
  const notices = {
    ...policies.notices,
    sender: { ...policies.notices.sender, deadlineSeconds, perSecond: 10_000 },
    digest: { ...policies.notices.digest, moreThan },
  };
  const mailer = openMailer(loadConfig({ SMTP_URL: sink.url, SMTP_CA_FILE: sink.caFile }), notices);
  if (mailer === undefined) throw new Error('SMTP_URL is set');
  const [structure, administrator] = [uuidv7(), uuidv7()];
  await recordStructure(fresh.db.read, { id: structure, ...HOSPITAL });
  const login = { issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId: DURAND };
  await recordAdministrator(fresh.db.read, { id: administrator, ...login });
  await linkAdministrator(fresh.db.read, administrator, structure);
  const keys = { structure: HOSPITAL.structIdNat, administrator, holder: DURAND };
  return {
    ...{ fresh, sink, mailer, administrator },
    system: { db: fresh.db, clock: () => now, policies: { ...policies, notices }, log: pino({ level: 'silent' }) },
    setClock(moment) {
      now = new Date(moment);
    },
    async issue(notAfter, changes = {}) {
      const end = new Date(notAfter);
      const { id } = await issued(fresh.db.read, {
        subject: `CN=${uuidv7()}.hopital-generique.fr,C=FR`,
        holder: { kind: 'structure', ...HOSPITAL },
        structure: HOSPITAL.structIdNat,
        actor: `administrator:${administrator}`,
        notBefore: new Date(end.getTime() - 1_095 * 86_400_000),
        notAfter: end,
        ...changes,
      });
      return id;
    },
    async contact(ownerKind, email, { role, language = 'fr', key } = {}) {
      const id = uuidv7();
      const usual = ownerKind === 'administrator' ? 'technical' : 'owner';
      const row = { id, ownerKind, ownerKey: key ?? keys[ownerKind], role: role ?? usual, email, language } as const;
      await recordContact(fresh.db.read, row);
      return id;
    },
    async empty() {
      await fresh.db.transaction(async (tx) => {
        // certificates are never deleted, and the trigger that says so is asked to look away
        await tx.execute(sql`set local session_replication_role = replica`);
        await tx.execute(
          sql`truncate certificate, contact, notice, notice_mail, notice_progress, alarm, alarm_delivery cascade`,
        );
      });
      sink.received.length = 0;
      sink.answer = () => undefined;
    },
    async close() {
      mailer.close();
      await sink.close();
      await fresh.drop();
    },
  };
}
