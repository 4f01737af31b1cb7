// Webhooks from the certificate to the receiver: a real database, a real receiver, and a clock that is set by hand.

import type { ServerResponse } from 'node:http';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAlarms } from '#db/alarms.ts';
import { appendFeed } from '#db/feed.ts';
import { recordRevocation } from '#db/revocations.ts';
import {
  claimDelivery,
  dropDeliveries,
  giveUpDeliveries,
  redeliver,
  settleDelivery,
  webhookBacklog,
} from '#db/webhook-deliveries.ts';
import { disableWebhook, enableWebhook, listWebhooks, removeWebhook, rotateWebhookSecret } from '#db/webhooks.ts';
import { webhookSecret } from '../../src/webhooks/secret.ts';
import { type OpenTransaction, openTransaction, untilFinal } from '../db/samples.ts';
import { AGENCY, HOSPITAL } from '../helpers/cast.ts';
import { eventually } from '../helpers/faults.ts';
import { hang, signedWith } from '../helpers/webhook-receiver.ts';
import { documentOf, MASTER, prepareWebhookStage, type WebhookStage } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const AWAY: [how: string, answer: number | ((response: ServerResponse) => void)][] = [
  ['answers 503', 503],
  [
    'breaks off',
    (response) => {
      response.destroy();
    },
  ],
];

let stage: WebhookStage;
beforeAll(async () => {
  stage = await prepareWebhookStage();
});
afterAll(() => stage?.close());
beforeEach(() => stage.empty());

const alarms = async () => {
  await stage.watch();
  return (await listAlarms(stage.fresh.db.read)).map(({ kind, subject }) => `${kind} ${subject}`);
};
const states = async () => (await stage.deliveries()).map(({ state }) => state);
const backlog = async () => (await webhookBacklog(stage.fresh.db.read)).deliveries;
const read = () => stage.fresh.db.read;
const within = async (ms: number, step: number): Promise<void> => {
  for (const end = stage.now().getTime() + ms; stage.now().getTime() < end; ) {
    stage.wait(step);
    await stage.run();
  }
};

describe('what is told', () => {
  it('is that a certificate was issued and revoked, once, without the name of anybody', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const certificate = await stage.issue({ subject: 'SN=DURAND,GN=Anne,C=FR' });
    await stage.run();
    await stage.revoke(certificate);
    await stage.run();
    await stage.run();
    expect(stage.told('all')).toEqual([
      `certificate.issued/${certificate.id}`,
      `certificate.revoked/${certificate.id}`,
    ]);
    const [issued, revoked] = stage.receiver.received.map(documentOf);
    const shown = {
      id: certificate.id,
      profile: 'serv-ssl',
      issuer: certificate.issuer,
      serial: Buffer.from(certificate.serial).toString('hex'),
      structure: HOSPITAL.structIdNat,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      path: `/v1/certificates/${certificate.id}`,
    };
    expect(issued).toMatchObject({ version: 1, event: 'certificate.issued' });
    expect(issued?.certificate).toEqual(shown);
    const at = stage.now().toISOString();
    expect(revoked).toMatchObject({ version: 1, event: 'certificate.revoked', occurredAt: at });
    expect(revoked?.certificate).toEqual({ ...shown, revokedAt: at, reason: 'superseded' });
    for (const { headers, body } of stage.receiver.received) {
      expect(headers['igc-event-id']).toBe(JSON.parse(body).id);
      expect(body).not.toMatch(/DURAND|Anne|subject|holder/);
    }
  });

  it('is that the reason of a revocation was raised, once, as an event of its own', async () => {
    await stage.subscribe('all');
    await stage.subscribe('revocations', { events: ['certificate.revoked'] });
    await stage.begin();
    const certificate = await stage.issue();
    await stage.run();
    stage.setClock('2027-03-01T10:00:00.000Z');
    await stage.revoke(certificate);
    await untilFinal(stage.fresh.db);
    await stage.run();
    await stage.subscribe('later');
    stage.wait(DAY);
    await stage.raise(certificate);
    await stage.run();
    await stage.run();
    const raised = `certificate.revocation_reason_raised/${certificate.id}`;
    expect(stage.told('all').slice(1)).toEqual([`certificate.revoked/${certificate.id}`, raised]);
    expect(stage.told('revocations')).toEqual([`certificate.revoked/${certificate.id}`]);
    expect(stage.told('later')).toEqual([raised]);
    const document = stage.receiver.received.map(documentOf).find(({ id }) => id === raised);
    expect(document).toMatchObject({ occurredAt: '2027-03-02T10:00:00.000Z' });
    expect(document?.certificate).toMatchObject({ revokedAt: '2027-03-01T10:00:00.000Z', reason: 'keyCompromise' });
  });

  it('is the reason that a revocation had when it happened, though it is told after that was raised', async () => {
    await stage.subscribe('all', { events: ['certificate.revoked', 'certificate.revocation_reason_raised'] });
    await stage.begin();
    const certificate = await stage.issue();
    await stage.revoke(certificate);
    stage.receiver.answer = () => 500;
    await stage.run();
    await stage.raise(certificate);
    stage.receiver.answer = () => 200;
    stage.wait(MINUTE);
    await stage.run();
    const unread = await stage.issue();
    await stage.revoke(unread);
    await stage.raise(unread);
    await stage.run();
    const told = stage.receiver.received.map(documentOf).map(({ id, certificate: { reason } }) => `${id} ${reason}`);
    expect([...new Set(told)].sort()).toEqual(
      [certificate, unread]
        .flatMap(({ id }) => [
          `certificate.revocation_reason_raised/${id} keyCompromise`,
          `certificate.revoked/${id} superseded`,
        ])
        .sort(),
    );
  });

  it('is a raise that tells nobody another date of the revocation', async () => {
    const certificate = await stage.issue();
    await stage.revoke(certificate);
    stage.wait(DAY);
    await stage.raise(certificate);
    const { rows } = await read().execute(
      sql`select distinct revoked_at from status_feed where revoked_at is not null`,
    );
    expect(rows).toHaveLength(1);
  });

  it('is each threshold of the policy, and the end, without any mail', async () => {
    await stage.subscribe('all', { events: ['certificate.expiring', 'certificate.expired'] });
    await stage.begin();
    const end = new Date(stage.now().getTime() + 70 * DAY);
    const { id } = await stage.issue({ notAfter: end });
    await within(72 * DAY, DAY);
    const [first, ...later] = stage.receiver.received.map(documentOf);
    expect(first?.certificate).toMatchObject({ id, threshold: '2m' });
    expect(later.map(({ id }) => id)).toEqual([
      ...['30d', '15d', '7d', '1d'].map((threshold) => `certificate.expiring/${id}/${threshold}`),
      `certificate.expired/${id}`,
    ]);
    expect(later.at(-1)?.occurredAt).toBe(end.toISOString());
  });

  it('is of several missed thresholds the latest', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const { id } = await stage.issue({ notAfter: new Date(stage.now().getTime() + 70 * DAY) });
    await stage.run();
    stage.wait(60 * DAY);
    await stage.run();
    expect(stage.told('all')).toEqual([`certificate.issued/${id}`, `certificate.expiring/${id}/15d`]);
  });

  it('is no end of what was revoked or replaced, and nothing of the service’s own certificates', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const ending = { notAfter: new Date(stage.now().getTime() + 20 * DAY), subject: 'CN=a.example.fr,C=FR' };
    await stage.revoke(await stage.issue({ ...ending, subject: 'CN=b.example.fr,C=FR' }));
    await stage.issue(ending);
    await stage.issue({ ...ending, notAfter: new Date(stage.now().getTime() + 800 * DAY) });
    await stage.issue({ ...ending, actorKind: 'system' });
    await stage.run();
    expect(stage.receiver.received).toHaveLength(4);
    stage.wait(10 * DAY);
    await stage.run();
    expect(stage.receiver.received).toHaveLength(4);
  });

  it('is nothing that happened before a webhook was there, or while it was disabled', async () => {
    await stage.begin();
    await stage.issue();
    await untilFinal(stage.fresh.db);
    await stage.run();
    const webhook = await stage.subscribe('all');
    const { id } = await stage.issue();
    await stage.run();
    expect(stage.told('all')).toEqual([`certificate.issued/${id}`]);
    await disableWebhook(read(), webhook, { at: stage.now(), why: 'operator' });
    await stage.issue();
    await untilFinal(stage.fresh.db);
    await stage.run();
    await enableWebhook(read(), webhook, { at: stage.now(), giveUpAt: stage.now() });
    await stage.run();
    expect(stage.told('all')).toHaveLength(1);
  });

  it('comes though the transaction that issued it is committed after later ones were told', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const first = await stage.issue();
    const late = await stage.issue();
    const slow: OpenTransaction = await openTransaction(stage.fresh.db, async (tx) => {
      const revocation = { certificateId: late.id, revokedAt: stage.now(), reason: 'superseded', actor: 'a' } as const;
      await recordRevocation(tx, revocation);
      await appendFeed(tx, { issuer: late.issuer, serial: late.serial, revokedAt: stage.now() });
    });
    await stage.revoke(first);
    await stage.run();
    expect(stage.told('all')).toContain(`certificate.revoked/${first.id}`);
    expect(stage.told('all')).not.toContain(`certificate.revoked/${late.id}`);
    await slow.commit();
    await stage.run();
    expect(stage.told('all').filter((id) => id === `certificate.revoked/${late.id}`)).toHaveLength(1);
    expect(new Set(stage.told('all')).size).toBe(stage.told('all').length);
  });
});

describe('who is told', () => {
  it('of one structure sees nothing of another’s, and gets only the events that it asked for', async () => {
    await stage.subscribe('all');
    await stage.subscribe('hospital', { structure: HOSPITAL.structIdNat });
    await stage.subscribe('agency', { structure: AGENCY.structIdNat });
    await stage.subscribe('revocations', { events: ['certificate.revoked'] });
    await stage.begin();
    const ours = await stage.issue();
    const theirs = await stage.issue({ structure: AGENCY.structIdNat });
    const nobodys = await stage.issue({
      structure: undefined,
      holder: { kind: 'professional', idNatPs: '899700075064' },
    });
    await stage.revoke(theirs);
    await stage.run();
    expect(stage.told('hospital')).toEqual([`certificate.issued/${ours.id}`]);
    expect([...stage.told('agency')].sort()).toEqual([
      `certificate.issued/${theirs.id}`,
      `certificate.revoked/${theirs.id}`,
    ]);
    expect(stage.told('revocations')).toEqual([`certificate.revoked/${theirs.id}`]);
    expect(stage.told('all')).toContain(`certificate.issued/${nobodys.id}`);
    expect(stage.told('all')).toHaveLength(4);
  });

  it('knows us by a signature of its own secret, and by both while that is rotated', async () => {
    const [one, other] = [await stage.subscribe('one'), await stage.subscribe('other')];
    await stage.begin();
    const issueAndGet = async () => {
      stage.receiver.received.length = 0;
      await stage.issue();
      await stage.run();
      const post = stage.receiver.received.find(({ path }) => path === '/one');
      if (post === undefined) throw new Error('it is told');
      return post;
    };
    const before = await issueAndGet();
    expect(signedWith(webhookSecret(MASTER, one, 1), before)).toEqual([0]);
    expect(signedWith(webhookSecret(MASTER, other, 1), before)).toEqual([]);
    expect(signedWith(webhookSecret(MASTER, one, 2), before)).toEqual([]);
    const at = stage.now();
    const previousUntil = new Date(at.getTime() + DAY);
    await rotateWebhookSecret(read(), one, { at, previousUntil });
    // the secret before was promised a day: another rotation would break that
    expect(await rotateWebhookSecret(read(), one, { at, previousUntil })).toBeUndefined();
    const meanwhile = await issueAndGet();
    expect(signedWith(webhookSecret(MASTER, one, 2), meanwhile)).toEqual([0]);
    expect(signedWith(webhookSecret(MASTER, one, 1), meanwhile)).toEqual([1]);
    stage.wait(DAY);
    const after = await issueAndGet();
    expect(signedWith(webhookSecret(MASTER, one, 2), after)).toEqual([0]);
    expect(signedWith(webhookSecret(MASTER, one, 1), after)).toEqual([]);
    expect(await rotateWebhookSecret(read(), one, { at: stage.now(), previousUntil })).toMatchObject({ generation: 3 });
  });
});

describe('a receiver that does not take an event', () => {
  it.each([500, 400, 302])(
    'answers %i: that event waits longer each time, the others come, and it comes at last',
    async (status) => {
      await stage.subscribe('all');
      await stage.begin();
      const refused = await stage.issue();
      stage.receiver.answer = (post) => (documentOf(post).certificate.id === refused.id ? status : 200);
      await stage.run();
      const taken = await stage.issue();
      await stage.run();
      expect(stage.told('all')).toEqual([`certificate.issued/${refused.id}`, `certificate.issued/${taken.id}`]);
      stage.wait(30_000);
      await stage.run();
      expect(stage.told('all')).toHaveLength(3);
      stage.wait(14_000);
      await stage.run();
      expect(stage.told('all')).toHaveLength(3);
      stage.receiver.answer = () => 200;
      stage.wait(60_000);
      await stage.run();
      expect(stage.told('all').filter((id) => id.endsWith(refused.id))).toHaveLength(3);
      expect(await states()).toEqual(['delivered', 'delivered']);
    },
  );

  it.each(AWAY)('and %s is left alone for a while with all that waits, and holds nobody else', async (_, answer) => {
    await stage.subscribe('away');
    await stage.subscribe('there');
    await stage.begin();
    for (let count = 0; count < 20; count += 1) await stage.issue();
    stage.receiver.answer = ({ path }) => (path === '/away' ? answer : 200);
    await stage.run();
    const tries = stage.told('away').length;
    expect(tries).toBeLessThanOrEqual(4);
    await stage.run();
    expect(stage.told('away')).toHaveLength(tries);
    expect(new Set(stage.told('there')).size).toBe(20);
    stage.receiver.answer = () => 200;
    stage.wait(30_000);
    await stage.run();
    expect(new Set(stage.told('away')).size).toBe(20);
    expect(await backlog()).toBe(0);
  });

  it.each([500, 401, 404])('but answers %i to ten in a row is left alone with all that waits', async (status) => {
    await stage.subscribe('broken');
    await stage.begin();
    for (let count = 0; count < 60; count += 1) await stage.issue();
    stage.receiver.answer = () => status;
    await stage.run();
    const tries = stage.told('broken').length;
    expect(tries).toBeGreaterThanOrEqual(10);
    // the three that were under way when the tenth was refused
    expect(tries).toBeLessThanOrEqual(13);
    await stage.run();
    expect(stage.told('broken')).toHaveLength(tries);
    expect(await listWebhooks(read())).toMatchObject([{ failures: 1 }]);
    stage.receiver.answer = () => 200;
    stage.wait(MINUTE);
    await stage.run();
    stage.wait(MINUTE);
    await stage.run();
    expect(new Set(await states())).toEqual(new Set(['delivered']));
    expect(await listWebhooks(read())).toMatchObject([{ failures: 0 }]);
  });

  it('but takes every third is not left alone: the others come', async () => {
    await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 60; count += 1) await stage.issue();
    let asked = 0;
    stage.receiver.answer = () => {
      asked += 1;
      return asked % 3 === 0 ? 200 : 500;
    };
    await stage.run();
    expect(stage.told('all')).toHaveLength(60);
    expect(await listWebhooks(read())).toMatchObject([{ failures: 0 }]);
  });

  it('and never answers is given up on after ten seconds, while others are told', async () => {
    await stage.subscribe('silent');
    await stage.begin();
    const { id } = await stage.issue();
    await stage.follow();
    const sender = stage.newSender();
    stage.receiver.answer = ({ path }) => (path === '/silent' ? hang : 200);
    await sender.step();
    await eventually('it was asked', () => stage.told('silent').length === 1);
    await stage.subscribe('there');
    const other = await stage.issue();
    await stage.follow();
    await sender.step();
    await eventually('the other one is told', () => stage.told('there').includes(`certificate.issued/${other.id}`));
    expect(await states()).toContain('pending');
    await sender.idle();
    const [silent] = await listWebhooks(read());
    expect(silent).toMatchObject({ failures: 1 });
    expect(silent?.pausedUntil).toBeInstanceOf(Date);
    stage.receiver.answer = () => 200;
    stage.wait(MINUTE);
    await stage.run();
    expect(stage.told('silent').filter((told) => told.endsWith(id))).toHaveLength(2);
  }, 30_000);

  it('and takes each slowly has turns that end in time, and is told the rest in others', async () => {
    await stage.subscribe('slow');
    await stage.begin();
    for (let count = 0; count < 40; count += 1) await stage.issue();
    await stage.follow();
    let ms = 0;
    const sender = stage.newSender(() => ms);
    stage.receiver.answer = () => {
      ms += 1_000;
      return 200;
    };
    await sender.step();
    await sender.idle();
    // four at once, and none is begun five seconds after the turn was
    const told = stage.told('slow').length;
    expect(told).toBeGreaterThanOrEqual(5);
    expect(told).toBeLessThan(10);
    for (let turn = 0; turn < 8; turn += 1) {
      await sender.step();
      await sender.idle();
    }
    expect(new Set(stage.told('slow')).size).toBe(40);
  });

  it('is told nothing more once the worker is to stop, and the rest when it has started again', async () => {
    await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 40; count += 1) await stage.issue();
    await stage.follow();
    let stopping = false;
    stage.receiver.answer = () => {
      stopping = true;
      return 200;
    };
    const sender = stage.newSender();
    await sender.step(() => stopping);
    await sender.idle();
    expect(stage.told('all').length).toBeLessThanOrEqual(4);
    await stage.run();
    expect(new Set(stage.told('all')).size).toBe(40);
    expect(stage.told('all')).toHaveLength(40);
  });

  it('takes an event with a 2xx, however much it says besides', async () => {
    await stage.subscribe('all');
    await stage.begin();
    await stage.issue();
    stage.receiver.answer = () => (response: ServerResponse) => {
      response.writeHead(202).end('x'.repeat(1_000_000));
    };
    await stage.run();
    expect(await states()).toEqual(['delivered']);
  });

  it('for three days: its events are given up, somebody is told, and they come when they are redelivered', async () => {
    const webhook = await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 6; count += 1) await stage.issue();
    stage.receiver.answer = () => 503;
    await within(3 * DAY - 4 * HOUR, 2 * HOUR);
    expect(new Set(await states())).toEqual(new Set(['pending']));
    expect(await alarms()).toEqual([]);
    await within(6 * HOUR, 2 * HOUR);
    expect(await states()).toEqual(Array.from({ length: 6 }, () => 'given_up'));
    expect(await alarms()).toEqual([`webhook_given_up ${webhook}`]);
    stage.receiver.answer = () => 200;
    const giveUpAt = new Date(stage.now().getTime() + DAY);
    expect(await redeliver(read(), webhook, { at: stage.now(), giveUpAt })).toBe(6);
    stage.wait(HOUR);
    await stage.run();
    expect(await states()).toEqual(Array.from({ length: 6 }, () => 'delivered'));
    expect(await alarms()).toEqual([]);
  });

  it('for three days: what was never tried for want of time is given up as well', async () => {
    await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 40; count += 1) await stage.issue();
    stage.receiver.answer = () => 503;
    await within(3 * DAY, DAY);
    expect((await stage.deliveries()).filter(({ attempt }) => attempt === 0).length).toBeGreaterThan(0);
    await within(DAY, DAY);
    expect(new Set(await states())).toEqual(new Set(['given_up']));
  });

  it('after our own worker was away for longer loses nothing that was never tried', async () => {
    await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 20; count += 1) await stage.issue();
    await stage.follow();
    stage.wait(4 * DAY);
    stage.receiver.answer = () => 503;
    await stage.run();
    expect((await stage.deliveries()).filter(({ attempt, state }) => attempt === 0 && state === 'given_up')).toEqual(
      [],
    );
    stage.receiver.answer = () => 200;
    stage.wait(HOUR);
    await stage.run();
    expect((await states()).filter((state) => state === 'delivered').length).toBeGreaterThanOrEqual(16);
    expect(await backlog()).toBe(0);
  });

  it('for one event is not given up on for another that is under way', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const slow = await stage.issue();
    await stage.issue();
    await stage.follow();
    stage.wait(4 * DAY);
    stage.receiver.answer = (post) => (documentOf(post).certificate.id === slow.id ? hang : 503);
    const sender = stage.newSender();
    await sender.step();
    await eventually('the other one is given up', async () => (await states()).includes('given_up'));
    expect(await states()).toEqual(['pending', 'given_up']);
    stage.receiver.release();
    await sender.idle();
    expect(await states()).toEqual(['delivered', 'given_up']);
  });

  it('too late for us, but does take an event, has taken it though it was given up meanwhile', async () => {
    const webhookId = await stage.subscribe('all');
    await stage.begin();
    await stage.issue();
    await stage.follow();
    const at = stage.now();
    const claimed = await claimDelivery(read(), { webhookId, at, until: at });
    if (claimed === undefined) throw new Error('it is due');
    stage.wait(4 * DAY);
    await giveUpDeliveries(read(), webhookId, { at: stage.now(), nobodySince: at });
    expect(await states()).toEqual(['given_up']);
    expect(await settleDelivery(read(), claimed, { at: stage.now(), lastStatus: 200 })).toBe(true);
    expect(await states()).toEqual(['delivered']);
  });

  it('for three days, and an operator lets go of the events: nobody is told any more', async () => {
    const webhook = await stage.subscribe('all');
    await stage.begin();
    await stage.issue();
    await stage.issue();
    stage.receiver.answer = () => 503;
    await stage.run();
    await within(4 * DAY, 2 * DAY);
    await stage.issue();
    await stage.follow();
    expect(await alarms()).toEqual([`webhook_given_up ${webhook}`]);
    expect(await dropDeliveries(read(), webhook, { at: stage.now() })).toBe(2);
    expect(await states()).toEqual(['dropped', 'dropped', 'pending']);
    expect(await alarms()).toEqual([]);
  });

  it('and answers 410 is disabled, and somebody is told until it is enabled or removed', async () => {
    const webhook = await stage.subscribe('gone');
    await stage.subscribe('there');
    await stage.begin();
    await stage.issue();
    stage.receiver.answer = ({ path }) => (path === '/gone' ? 410 : 200);
    await stage.run();
    await stage.issue();
    stage.wait(DAY);
    await stage.run();
    expect(stage.told('gone')).toHaveLength(1);
    expect(new Set(stage.told('there')).size).toBe(2);
    expect((await listWebhooks(read())).map(({ disabledWhy }) => disabledWhy)).toEqual(['gone', undefined]);
    expect(await alarms()).toEqual([`webhook_gone ${webhook}`]);
    expect(await backlog()).toBe(0);
    stage.receiver.answer = () => 200;
    await enableWebhook(read(), webhook, { at: stage.now(), giveUpAt: new Date(stage.now().getTime() + DAY) });
    await stage.run();
    expect(stage.told('gone')).toHaveLength(2);
    expect(await alarms()).toEqual([]);
    await removeWebhook(read(), webhook);
    expect(await states()).toEqual(['delivered', 'delivered']);
  });
});

describe('what waits', () => {
  it('is counted up to a limit, over all webhooks that are enabled, and dated by what has waited longest', async () => {
    await stage.subscribe('one');
    await stage.subscribe('other');
    const disabled = await stage.subscribe('disabled');
    await stage.begin();
    const began = stage.now();
    for (let count = 0; count < 3; count += 1) await stage.issue();
    await stage.follow();
    stage.wait(HOUR);
    await stage.issue();
    await stage.follow();
    await disableWebhook(read(), disabled, { at: stage.now(), why: 'operator' });
    expect(await webhookBacklog(read())).toEqual({ deliveries: 8, oldest: began });
    expect(await webhookBacklog(read(), 5)).toEqual({ deliveries: 5, oldest: began });
    expect(await webhookBacklog(read(), 3)).toEqual({ deliveries: 3, oldest: began });
  });
});

describe('several workers', () => {
  it('tell each event once', async () => {
    await stage.subscribe('all');
    await stage.begin();
    for (let count = 0; count < 40; count += 1) await stage.issue();
    await stage.follow();
    const senders = [stage.newSender(), stage.newSender()];
    await Promise.all(senders.map((sender) => sender.step()));
    await Promise.all(senders.map((sender) => sender.idle()));
    expect(stage.told('all')).toHaveLength(40);
    expect(new Set(stage.told('all')).size).toBe(40);
  });

  it('take over what a dead one had in its hands, under the same id, and never before its time', async () => {
    await stage.subscribe('all');
    await stage.begin();
    const { id } = await stage.issue();
    await stage.follow();
    // what a worker that died after its POST leaves behind
    await read().execute(sql`
      update webhook_delivery set attempt = 1, next_at = ${stage.now().toISOString()}::timestamptz + interval '140 s'`);
    await stage.run();
    expect(stage.told('all')).toEqual([]);
    stage.wait(140_000);
    await stage.run();
    expect(stage.told('all')).toEqual([`certificate.issued/${id}`]);
    expect(await stage.deliveries()).toMatchObject([{ state: 'delivered', attempt: 2, status: 200 }]);
  });
});
