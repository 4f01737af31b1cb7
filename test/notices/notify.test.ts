// Notices from the certificate to the mailbox: a real database, a real mail server, and a clock that is set by hand.

import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { listContacts, removeContact } from '#db/contacts.ts';
import { claimMail } from '#db/notice-mails.ts';
import { recordRevocation } from '#db/revocations.ts';
import { checkNotices } from '../../src/notices/check.ts';
import { recordDueNotices } from '../../src/notices/record.ts';
import { sendWaitingMails } from '../../src/notices/send.ts';
import { CA } from '../db/samples.ts';
import { HOSPITAL } from '../helpers/cast.ts';
import { type NoticeStage, prepareNotices } from '../helpers/notices.ts';

const OWNER = 'dsi@hopital.example.fr';
const TECHNICAL = 'pki@editeur.example.fr';
const FALLBACK = 'standard@hopital.example.fr';
const END = '2027-06-15T10:00:00Z';
const TWO_MONTHS = '2027-04-15T10:00:00Z';

let stage: NoticeStage;
let operators: string;
beforeAll(async () => {
  stage = await prepareNotices();
  operators = stage.system.policies.notices.operators[0]?.address ?? '';
});
afterAll(() => stage?.close());
beforeEach(() => stage.empty());

const record = () => recordDueNotices(stage.system);
const send = (limit = 1_000) => sendWaitingMails(stage.system, stage.mailer, limit);
const notify = async (at: string | Date) => {
  stage.setClock(at);
  await record();
  return await send();
};
const outage = (sending: Promise<unknown>) => expect(sending).rejects.toMatchObject({ name: 'Outage', what: 'mail' });
const receivers = () => stage.sink.received.map(({ to }) => to[0]).sort();
const messageIds = () => [...new Set(stage.sink.received.map(({ mail }) => mail.messageId))];
const mails = async () => {
  const { rows } = await stage.fresh.db.read.execute<{
    email: string;
    state: string;
    why: string | null;
    attempt: number;
  }>(sql`select email, state, why, attempt from notice_mail order by id`);
  return rows;
};
const states = async () => Object.fromEntries((await mails()).map(({ email, state }) => [email, state]));
const alarms = async () => (await listAlarms(stage.fresh.db.read)).map(({ kind, subject }) => `${kind} ${subject}`);
const everyone = async () => ({
  owner: await stage.contact('structure', OWNER),
  technical: await stage.contact('administrator', TECHNICAL, { language: 'en' }),
  fallback: await stage.contact('structure', FALLBACK, { role: 'fallback' }),
});
const revoke = (id: string) =>
  stage.fresh.db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ serial: Uint8Array; end: string }>(
      sql`select serial, not_after as end from certificate where id = ${id}`,
    );
    const [row] = rows;
    await recordRevocation(tx, {
      ...{
        certificateId: id,
        issuer: CA,
        serial: new Uint8Array(row?.serial ?? []),
        notAfter: new Date(row?.end ?? ''),
      },
      ...{ revokedAt: new Date(), reason: 'superseded', actor: 'operator:test' },
    });
  });

describe('who is told', () => {
  it('owner and technical administrator, each in their language, with the same Message-ID and an entry for the calendar', async () => {
    await everyone();
    const id = await stage.issue(END);
    expect(await notify(TWO_MONTHS)).toBe(2);
    expect(receivers()).toEqual([OWNER, TECHNICAL]);
    const bySubject = Object.fromEntries(stage.sink.received.map(({ to, mail }) => [to[0], mail.subject]));
    expect(bySubject[OWNER]).toMatch(/^Certificat à renouveler avant le 15 juin 2027/);
    expect(bySubject[TECHNICAL]).toMatch(/^Certificate to renew before 15 June 2027/);
    expect(messageIds()).toEqual([`<notice.${id}.2m@igc-sante.example.fr>`]);
    for (const { mail } of stage.sink.received) {
      expect(mail.html).toContain('HOPITAL GENERIQUE TEST');
      expect(mail.text).toContain('HOPITAL GENERIQUE TEST');
      expect(mail.attachments).toMatchObject([{ filename: 'certificat.ics', mimeType: 'text/calendar' }]);
    }
    expect(await alarms()).toEqual([]);
  });

  it('one mail where both are the same address', async () => {
    await stage.contact('structure', OWNER);
    await stage.contact('administrator', OWNER);
    await stage.issue(END);
    expect(await notify(TWO_MONTHS)).toBe(1);
  });

  it('the fallback and the operators when nobody else can be, with an alarm until somebody can', async () => {
    await stage.contact('structure', FALLBACK, { role: 'fallback' });
    await stage.issue(END);
    await notify(TWO_MONTHS);
    expect(receivers()).toEqual([operators, FALLBACK].sort());
    expect(await alarms()).toEqual([`contact_missing structure ${HOSPITAL.structIdNat}`]);
    await stage.contact('structure', OWNER);
    await notify('2027-05-16T10:00:00Z');
    expect(receivers()).toContain(OWNER);
    expect(await alarms()).toEqual([]);
  });

  it('nobody of a certificate that was revoked, or that a later one has replaced', async () => {
    await everyone();
    const revoked = await stage.issue(END);
    await revoke(revoked);
    const same = { subject: 'CN=www.hopital-generique.fr,C=FR' };
    await stage.issue(END, same);
    await stage.issue('2029-06-15T10:00:00Z', same);
    expect(await notify(TWO_MONTHS)).toBe(0);
    await stage.issue(END, { ...same, profile: 'serv-sign' });
    expect(await notify('2027-04-15T10:00:01Z')).toBe(2);
  });

  it('nobody any more of a certificate that was revoked after its notice was recorded', async () => {
    await everyone();
    const id = await stage.issue(END);
    stage.setClock(TWO_MONTHS);
    await record();
    await revoke(id);
    expect(await send()).toBe(0);
    expect(await states()).toEqual({ [OWNER]: 'obsolete', [TECHNICAL]: 'obsolete' });
  });

  it('the next one instead of a contact that was removed meanwhile', async () => {
    const contact = await stage.contact('structure', OWNER);
    await stage.issue(END);
    stage.setClock(TWO_MONTHS);
    await record();
    await removeContact(stage.fresh.db.read, contact);
    await send();
    expect(receivers()).toEqual([operators]);
  });
});

describe('when', () => {
  it('not a second early, once at each threshold, and never after the end', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    for (const [moment, sent] of [
      ['2027-04-15T09:59:59Z', 0],
      [TWO_MONTHS, 1],
      ['2027-04-15T10:01:00Z', 0],
      ['2027-05-16T09:59:59Z', 0],
      ['2027-05-16T10:00:00Z', 1],
      ['2027-05-31T10:00:00Z', 1],
      ['2027-06-08T10:00:00Z', 1],
      ['2027-06-14T10:00:00Z', 1],
      ['2027-06-15T10:00:00Z', 0],
    ] as const)
      expect([moment, await notify(moment)]).toEqual([moment, sent]);
  });

  it('after a month without a worker one mail, of the latest threshold', async () => {
    await stage.contact('structure', OWNER);
    const id = await stage.issue(END);
    expect(await notify('2027-06-10T10:00:00Z')).toBe(1);
    expect(messageIds()).toEqual([`<notice.${id}.7d@igc-sante.example.fr>`]);
    expect(await notify('2027-06-10T10:01:00Z')).toBe(0);
  });

  it('a mail that waited until the next threshold is overtaken by it', async () => {
    await stage.contact('structure', OWNER);
    const id = await stage.issue(END);
    stage.setClock(TWO_MONTHS);
    await record();
    expect(await notify('2027-05-16T10:00:00Z')).toBe(1);
    expect(messageIds()).toEqual([`<notice.${id}.30d@igc-sante.example.fr>`]);
  });

  it('a clock that goes back tells nobody twice', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    expect(await notify('2027-05-16T10:00:00Z')).toBe(1);
    expect(await notify(TWO_MONTHS)).toBe(0);
    expect(await notify('2027-05-16T10:00:00Z')).toBe(0);
  });

  it('more than a page that all end in the same second are all told', async () => {
    await stage.contact('structure', OWNER, { language: 'en' });
    await Promise.all(Array.from({ length: 1_100 }, () => stage.issue(END)));
    stage.setClock(TWO_MONTHS);
    expect(await record()).toBe(1_100);
    expect(await record()).toBe(0);
  });
});

describe('what the mail server does', () => {
  it('4xx for one address: that mail is tried later, the others are sent', async () => {
    await everyone();
    await stage.issue(END);
    stage.sink.answer = (to) => (to === OWNER ? { code: 451, at: 'RCPT' } : undefined);
    expect(await notify(TWO_MONTHS)).toBe(1);
    expect(await send()).toBe(0);
    stage.sink.answer = () => undefined;
    expect(await notify('2027-04-15T10:01:00Z')).toBe(1);
    expect(receivers()).toEqual([OWNER, TECHNICAL]);
    expect(await alarms()).toEqual([]);
  });

  it('421: an alarm until it takes mail again, and nothing is lost or sent twice', async () => {
    await everyone();
    await stage.issue(END);
    stage.sink.answer = () => ({ code: 421, at: 'RCPT' });
    stage.setClock(TWO_MONTHS);
    await record();
    await outage(send());
    expect(await alarms()).toEqual(['mail_away smtp']);
    stage.sink.answer = () => undefined;
    expect(await notify('2027-04-15T10:05:00Z')).toBe(2);
    expect(receivers()).toEqual([OWNER, TECHNICAL]);
    expect(await alarms()).toEqual([]);
  });

  it('550: the address is marked with an alarm, and when none is left the next ones get the mail', async () => {
    const { owner } = await everyone();
    await stage.issue(END);
    stage.sink.answer = (to) => (to === OWNER || to === TECHNICAL ? { code: 550, at: 'RCPT' } : undefined);
    await notify(TWO_MONTHS);
    await send();
    expect(receivers()).toEqual([operators, FALLBACK].sort());
    expect(messageIds()).toHaveLength(1);
    expect((await listContacts(stage.fresh.db.read, { refused: true })).map(({ email }) => email).sort()).toEqual([
      OWNER,
      TECHNICAL,
    ]);
    expect(await alarms()).toContain(`mail_refused contact ${owner}`);
    expect(await alarms()).toContain(`contact_missing structure ${HOSPITAL.structIdNat}`);
  });

  it('550 for one of two: the other has it, and nobody else gets it', async () => {
    await everyone();
    await stage.issue(END);
    stage.sink.answer = (to) => (to === OWNER ? { code: 550, at: 'RCPT' } : undefined);
    await notify(TWO_MONTHS);
    await send();
    expect(receivers()).toEqual([TECHNICAL]);
  });

  it('554 for what is said: the address keeps its name, and the operators get it', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    stage.sink.answer = (to) => (to === OWNER ? { code: 554, at: 'DATA' } : undefined);
    await notify(TWO_MONTHS);
    await send();
    expect(receivers()).toEqual([operators]);
    expect(await listContacts(stage.fresh.db.read, { refused: true })).toEqual([]);
  });

  it('silence after DATA ends at the deadline, and the mail comes again with the same Message-ID', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    stage.sink.answer = () => 'hang';
    stage.setClock(TWO_MONTHS);
    await record();
    await outage(send());
    stage.sink.answer = () => undefined;
    expect(await notify('2027-04-15T10:05:00Z')).toBe(1);
    expect(stage.sink.received).toHaveLength(2);
    expect(messageIds()).toHaveLength(1);
    expect(await mails()).toMatchObject([{ state: 'sent', attempt: 2 }]);
  });
});

describe('several at once', () => {
  it('two that record and two that send: each mail once', async () => {
    await everyone();
    await Promise.all(Array.from({ length: 60 }, () => stage.issue(END)));
    stage.setClock(TWO_MONTHS);
    const recorded = await Promise.all([record(), record(), record()]);
    expect(recorded.reduce((sum, count) => sum + count, 0)).toBe(60);
    await Promise.all([send(), send()]);
    // the administrator's sixty are one digest
    expect(receivers().filter((to) => to === OWNER)).toHaveLength(60);
    expect(new Set(messageIds()).size).toBe(60);
  });

  it('a mail in the hands of a sender that died is another’s after its time, and not before', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    stage.setClock(TWO_MONTHS);
    await record();
    const at = stage.system.clock();
    await claimMail(stage.fresh.db.read, at, new Date(at.getTime() + 122_000));
    expect(await notify('2027-04-15T10:02:01Z')).toBe(0);
    expect(await notify('2027-04-15T10:02:02Z')).toBe(1);
  });
});

describe('a digest', () => {
  beforeEach(() => everyone());

  it('is one mail a day for an administrator with many, at the time of the policy; the owner gets each', async () => {
    await Promise.all(
      Array.from({ length: 21 }, (_, n) => stage.issue(`2027-06-15T10:00:${String(n).padStart(2, '0')}Z`)),
    );
    await notify('2027-04-15T10:00:30Z');
    expect(receivers().filter((to) => to === TECHNICAL)).toEqual([]);
    expect(receivers().filter((to) => to === OWNER)).toHaveLength(21);
    expect(await notify('2027-04-16T05:29:59Z')).toBe(0);
    expect(await notify('2027-04-16T05:30:00Z')).toBe(1);
    const { mail, to } = stage.sink.received.at(-1) ?? {};
    expect(to).toEqual([TECHNICAL]);
    expect(mail?.subject).toBe('21 certificates to renew');
    expect(mail?.messageId).toMatch(/^<digest\.[0-9a-f-]{36}\.2027-04-16@igc-sante\.example\.fr>$/);
    expect(await notify('2027-04-17T05:30:00Z')).toBe(0);
  });

  it('is not made of twenty', async () => {
    await Promise.all(Array.from({ length: 20 }, () => stage.issue(END)));
    await notify(TWO_MONTHS);
    expect(receivers().filter((to) => to === TECHNICAL)).toHaveLength(20);
  });

  it('that is refused goes to the operators, certificate by certificate, where no owner has it', async () => {
    const [owner] = await listContacts(stage.fresh.db.read, { ownerKind: 'structure' });
    for (const { id } of await listContacts(stage.fresh.db.read, { ownerKind: 'structure' }))
      await removeContact(stage.fresh.db.read, id);
    expect(owner).toBeDefined();
    await Promise.all(Array.from({ length: 21 }, () => stage.issue(END)));
    stage.sink.answer = (to) => (to === TECHNICAL ? { code: 550, at: 'RCPT' } : undefined);
    await notify(TWO_MONTHS);
    await notify('2027-04-16T05:30:00Z');
    await send();
    expect(receivers().filter((to) => to === operators)).toHaveLength(21);
  });
});

describe('a run that finds nothing', () => {
  it('raises an alarm when it should have found something, whatever it believes to have done', async () => {
    await stage.contact('structure', OWNER);
    await stage.issue(END);
    stage.setClock('2027-04-15T12:00:01Z');
    await stage.fresh.db.read.execute(
      sql`insert into notice_progress values ('2m', '2027-12-01'), ('30d', '2027-12-01')`,
    );
    expect(await record()).toBe(0);
    expect(await checkNotices(stage.system)).toBe(1);
    expect(await alarms()).toEqual(['notices_missing threshold 2m']);
    // and the next run does not believe it any more
    expect(await record()).toBe(1);
    expect(await checkNotices(stage.system)).toBe(0);
    expect(await alarms()).toEqual([]);
  });

  it('is right before the grace is over, for what is new, and for what was replaced', async () => {
    const same = { subject: 'CN=www.hopital-generique.fr,C=FR' };
    await stage.issue(END, { ...same });
    await stage.issue('2029-06-15T10:00:00Z', same);
    await stage.issue('2027-06-15T12:00:00Z');
    await stage.issue('2027-05-01T00:00:00Z', { notBefore: new Date('2027-04-15T11:00:00Z') });
    stage.setClock('2027-04-15T12:30:00Z');
    expect(await checkNotices(stage.system)).toBe(0);
  });
});

it('nothing of it holds an address but the tables of contacts and mails', async () => {
  await everyone();
  await stage.issue(END);
  stage.sink.answer = () => ({ code: 550, at: 'RCPT' });
  await notify(TWO_MONTHS);
  await send();
  const { rows } = await stage.fresh.db.read.execute(sql`select kind, subject, detail from alarm`);
  expect(rows.length).toBeGreaterThan(1);
  expect(JSON.stringify(rows)).not.toContain('@');
});
