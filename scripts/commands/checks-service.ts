// What `igc doctor` sees of the running service: database, signers, lists, responders, and work that waits. Nothing is changed.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { countOpenAlarms } from '#db/alarms.ts';
import { unsealedBacklog } from '#db/audit-chain.ts';
import { databaseTime } from '#db/clock.ts';
import { latestCrl } from '#db/crls.ts';
import { noticeBacklog } from '#db/notice-mails.ts';
import { outboxBacklog } from '#db/outbox.ts';
import { listAllResponders } from '#db/responders.ts';
import { connectSigner, type Signer } from '#hsm/client.ts';
import type { Authority } from '../../src/authority.ts';
import { certificateFile } from '../../src/ca/create-hierarchy.ts';
import { directoryLag } from '../../src/directory/lag.ts';
import type { System } from '../../src/system.ts';
import { readFileIfThere } from './ceremony.ts';
import { type Check, fail, ok, warn } from './check.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Roots are renewed by hand: people are told this long before. */
const ROOT_CRL_NOTICE_MS = 15 * DAY;
/** The worker looks at the schedule again and again; a list this much older than its period was forgotten. */
const LATE_MS = HOUR;
/** A responder with less than this left should have been renewed by now. */
const RESPONDER_OVERLAP_MS = 10 * DAY;
/** The sealer and the relay work within a second; this much says that nobody does their work. */
const LAG_MS = 60_000;
const SKEW_MS = { warn: 2_000, fail: 60_000 } as const;

/** The authorities of the database against the files that signers read. */
export function checkSameAuthorities({ authorities, config }: System): Check {
  const directory = config.HIERARCHY_DIRECTORY;
  const differing = [...authorities.values()].filter(({ id, certificate }) => {
    const file = directory === undefined ? undefined : readFileIfThere(certificateFile(directory, id));
    return file !== undefined && Buffer.compare(file, certificate.der) !== 0;
  });
  if (differing.length === 0) return ok('hierarchy in the database', `${authorities.size} authorities`);
  return fail(
    'hierarchy in the database',
    `other certificates than the files: ${differing.map(({ id }) => id).join(', ')}`,
    'name the directory and the database of one hierarchy',
  );
}

/** This machine's clock against the database's. */
export async function checkClock({ db, clock }: System): Promise<Check> {
  const before = clock().getTime();
  const there = (await databaseTime(db.read)).getTime();
  const after = clock().getTime();
  const skew = Math.max(0, before - there, there - after);
  const detail = `${skew} ms from the database`;
  const remedy = 'run a time service (chrony, systemd-timesyncd) on both machines';
  if (skew > SKEW_MS.fail) return fail('clock', detail, remedy);
  return skew > SKEW_MS.warn ? warn('clock', detail, remedy) : ok('clock', detail);
}

/** The signer of the issuing token through the operators' socket, and that of the OCSP token where this account may enter. */
export async function checkSigners(system: System): Promise<readonly Check[]> {
  const sockets = system.config.SIGNER_SOCKETS ?? '';
  const ocspPath = join(sockets, 'ocsp', 'public', 'signer.sock');
  const issuing = await checkSigner('issuing signer', system.issuing);
  if (!canEnter(ocspPath)) {
    return [
      issuing,
      warn(
        'OCSP signer',
        'its socket cannot be seen from here',
        'run doctor on the public machine, as the account of the public role',
      ),
    ];
  }
  const ocsp = connectSigner({ path: ocspPath, deadlineMs: system.config.SIGNING_DEADLINE_MS });
  try {
    return [issuing, await checkSigner('OCSP signer', ocsp)];
  } finally {
    await ocsp.close();
  }
}

function canEnter(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function checkSigner(check: string, signer: Signer): Promise<Check> {
  try {
    const { ready, state, pinLatch, missingKeys, breaker, token, hung = 0 } = await signer.health();
    if (ready && missingKeys.length > 0)
      return fail(
        check,
        `${token} is open, without the keys of ${missingKeys.join(', ')}`,
        'restore them from the backup',
      );
    if (ready && hung > 0)
      return warn(
        check,
        `${token} is open, but ${hung} calls hang`,
        'look at the token; the signer restarts when all do',
      );
    if (ready) return ok(check, `${token} is open`);
    if (pinLatch === 'refused')
      return fail(
        check,
        'the token refused the PIN, and no second try is made',
        'correct the PIN file; the signer then tries once more. A PIN that is right after all: stop the signer, remove pin-*.json of SIGNER_STATE, start it',
      );
    if (pinLatch === 'attempting' && state === 'latched')
      return fail(
        check,
        'two logins ended without an answer of the token, and no third is made by itself',
        'see that the token is there and has tries left; stop the signer, remove pin-*.json of SIGNER_STATE, start it',
      );
    const keys = missingKeys.length === 0 ? '' : `; no keys of ${missingKeys.join(', ')}`;
    return fail(
      check,
      `${token} is ${state}, breaker ${breaker}${keys}`,
      'look at the token and its module; the signer reopens it by itself',
    );
  } catch {
    return fail(
      check,
      'no signer answers on its socket',
      'start `main.ts signer` for this token; check SIGNER_SOCKETS',
    );
  }
}

/** The last CRL of each authority: roots long before it ends, intermediates once it is older than its period. */
export async function checkCrls(system: System): Promise<readonly Check[]> {
  const { hierarchy } = system.policies;
  return Promise.all(
    [...system.authorities.values()].map(async (authority) => {
      const latest = await latestCrl(system.db.read, authority.id);
      const periodMs = hierarchy.crl[authority.kind].periodHours * HOUR;
      return checkCrl(authority, { latest, periodMs, now: system.clock() });
    }),
  );
}

type Listed = {
  readonly latest: { number: bigint; thisUpdate: Date; nextUpdate: Date } | undefined;
  readonly periodMs: number;
  readonly now: Date;
};

function checkCrl({ id, kind }: Authority, { latest, periodMs, now }: Listed): Check {
  const check = `CRL ${id}`;
  const remedy = kind === 'root' ? `igc crl publish --root ${id}` : 'start the worker, which publishes it';
  if (latest === undefined) return fail(check, 'there is none', remedy);
  const left = latest.nextUpdate.getTime() - now.getTime();
  const detail = `number ${latest.number}, good until ${latest.nextUpdate.toISOString()}`;
  if (left <= 0) return fail(check, `${detail}: expired`, remedy);
  const old = now.getTime() - latest.thisUpdate.getTime() > periodMs + LATE_MS;
  const late = kind === 'root' ? left < ROOT_CRL_NOTICE_MS : old;
  return late ? warn(check, detail, remedy) : ok(check, detail);
}

/** Each intermediate's OCSP responder, and how long it is still valid. */
export async function checkResponders(system: System): Promise<readonly Check[]> {
  const now = system.clock();
  const rows = await listAllResponders(system.db.read, now);
  const remedy = 'start the worker, which renews responders';
  return [...system.authorities.values()]
    .filter(({ kind }) => kind === 'intermediate')
    .map(({ id }) => {
      const check = `OCSP responder ${id}`;
      const last = Math.max(...rows.filter(({ issuer }) => issuer === id).map(({ notAfter }) => notAfter.getTime()));
      if (!Number.isFinite(last)) return fail(check, 'none is valid', remedy);
      const detail = `valid until ${new Date(last).toISOString()}`;
      return last - now.getTime() < RESPONDER_OVERLAP_MS ? warn(check, detail, remedy) : ok(check, detail);
    });
}

/** What the worker should have taken by now: outbox rows, and audit rows outside the chain. */
export async function checkBacklogs({ db, clock }: System): Promise<readonly Check[]> {
  const backlogs = [
    ['outbox', await outboxBacklog(db.read)],
    ['audit chain', await unsealedBacklog(db.read)],
  ] as const;
  return backlogs.map(([check, { rows, oldest }]) => {
    const waited = oldest === null ? 0 : clock().getTime() - oldest.getTime();
    const detail = rows === 0 ? 'nothing waits' : `${rows} rows wait, the oldest for ${Math.round(waited / 1000)} s`;
    return waited > LAG_MS ? warn(check, detail, 'start the worker, which takes them') : ok(check, detail);
  });
}

/** Alarms that are open, and whether anybody looks at what the public sees. */
export async function checkAlarms({ db, config }: System): Promise<readonly Check[]> {
  const open = [...(await countOpenAlarms(db.read))].map(([kind, count]) => `${count} ${kind}`).sort();
  return [
    open.length === 0
      ? ok('alarms', 'none is open')
      : warn('alarms', `open: ${open.join(', ')}`, 'see `igc alarms list`; docs/operations.md says what to do'),
    observerCheck(config),
  ];
}

function observerCheck({ OBSERVER_URL, OBSERVER_OCSP_URL, OBSERVER_LDAP_URL }: System['config']): Check {
  const urls = { OBSERVER_URL, OBSERVER_OCSP_URL, OBSERVER_LDAP_URL };
  const unset = Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [name] : []));
  if (unset.length === Object.keys(urls).length) return ok('observer', `off here: ${unset.join(', ')} are not set`);
  const without = unset.length === 0 ? '' : `; not set: ${unset.join(', ')}`;
  return ok('observer', `the worker fetches what the public sees${without}`);
}

/** The LDAP directory: off, or how far it has followed and whether it refuses entries. */
export async function checkLdap(system: System): Promise<readonly Check[]> {
  const check = 'LDAP directory';
  if (system.config.LDAP_URL === undefined) return [ok(check, 'off: LDAP_URL is not set')];
  const { rows, refused, reasons, completeAt, awaySince } = await directoryLag(system);
  const last = completeAt === undefined ? 'not complete yet' : `complete at ${completeAt.toISOString()}`;
  const since = (moment: Date): number => system.clock().getTime() - moment.getTime();
  const late = completeAt === undefined || since(completeAt) > LAG_MS;
  if (late || (awaySince !== undefined && since(awaySince) > LAG_MS))
    return [
      warn(
        check,
        `${last}, ${rows} changes wait`,
        'see that the directory is there and takes writes, and the worker runs',
      ),
    ];
  if (refused > 0)
    return [warn(check, `${refused} entries refused: ${reasons.join(', ')}`, 'look up the result codes of LDAP')];
  return [ok(check, last)];
}

/** Whether holders are warned of an end, which a branch of test owes nobody, and whether their mails leave. */
export async function checkMail({ config, db, clock, policies }: System): Promise<Check> {
  const check = 'mail';
  if (config.SMTP_URL === undefined) {
    const off = 'off: nobody is warned of the end of a certificate';
    return policies.hierarchy.test ? ok(check, off) : warn(check, off, 'set SMTP_URL: docs/notices.md');
  }
  const { mails, oldest } = await noticeBacklog(db.read);
  const waited = oldest === null ? 0 : clock().getTime() - oldest.getTime();
  const detail = mails === 0 ? 'nothing waits' : `${mails} mails wait, the oldest for ${Math.round(waited / 1000)} s`;
  return waited > DAY ? warn(check, detail, 'see `igc alarms list`, and that the worker runs') : ok(check, detail);
}
