// Mails that came back: RFC 3464 delivery status notifications, which the mail system leaves in a folder, one file each, or hands in at
// the API, which leaves them in a table. What they say is a stranger's word: it is believed only about a mail that we sent to the very
// address that it names.

import { mkdir, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { refuseAddress } from '#db/contacts.ts';
import { listWaitingReports, settleReport } from '#db/delivery-reports.ts';
import { findByMessageId, recordBounce } from '#db/notice-mails.ts';
import { lockNotices } from '#db/notices.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Needs } from '../system.ts';
import { type Report, readReport } from './delivery-report.ts';
import { tellOthers } from './pass-on.ts';

type BounceNeeds = Needs<'db' | 'clock' | 'policies' | 'log'>;

/** A report quotes at most the mail that came back, and ours are small. */
const LARGEST_FILE = 1_048_576;
const FILES_A_TURN = 200;

/**
 * Reads every report in `directory`, marks the addresses that do not exist any more, and has the next contacts told. Each file is
 * moved to `done/`, or to `unread/` when it is no report of ours; if we stop before the move, it is read again and changes nothing
 * more. Answers how many mails were found to have come back.
 */
export async function readBounces(system: BounceNeeds, directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
  let bounced = 0;
  for (const name of files.sort().slice(0, FILES_A_TURN)) {
    const text = await readBounded(join(directory, name));
    const found = text === undefined ? NOTHING : await applyMessage(system, text);
    bounced += found.bounced;
    const to = join(directory, found.matched ? 'done' : 'unread');
    await mkdir(to, { recursive: true });
    await rename(join(directory, name), join(to, name));
  }
  return bounced;
}

/**
 * The same for what the API was handed: each row goes to `done` or `unread`. If we stop before that is noted, or another worker reads
 * the same row, it is read again and changes nothing more.
 */
export async function readReceivedReports(system: BounceNeeds): Promise<number> {
  let bounced = 0;
  for (const { id, message } of await listWaitingReports(system.db.read, FILES_A_TURN)) {
    const found = await applyMessage(system, Buffer.from(message).toString('latin1'));
    bounced += found.bounced;
    const state = found.matched ? 'done' : 'unread';
    await settleReport(system.db.read, id, { state, at: system.clock() });
  }
  return bounced;
}

/** What a message did: whether it was about a mail of ours, and how many of these were not known to have come back. */
type Found = { readonly matched: boolean; readonly bounced: number };
const NOTHING: Found = { matched: false, bounced: 0 };

async function applyMessage(system: BounceNeeds, text: string): Promise<Found> {
  let found = NOTHING;
  for (const report of readReport(text)) {
    const outcome = await applyReport(system, report);
    found = {
      matched: found.matched || outcome !== 'unknown',
      bounced: found.bounced + (outcome === 'bounced' ? 1 : 0),
    };
  }
  return found;
}

async function readBounded(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length));
    return length > LARGEST_FILE ? undefined : buffer.subarray(0, length).toString('latin1');
  } finally {
    await file.close();
  }
}

/** `bounced`: it is news; `known`: it is about a mail of ours that was settled so before. */
async function applyReport(system: BounceNeeds, report: Report): Promise<'bounced' | 'known' | 'unknown'> {
  const mails = await findByMessageId(system.db.read, report.messageId);
  const mail = mails.find(({ email }) => report.recipients.includes(email.toLowerCase()));
  if (mail === undefined) return 'unknown';
  const at = system.clock();
  const why = `dsn_${report.status}`;
  const unreached = await system.db.transaction(async (tx) => {
    await lockNotices(tx, mail.told);
    if (!(await recordBounce(tx, mail.id, why))) return undefined;
    await refuseAddress(tx, mail.email, { at, why });
    return await tellOthers(tx, system, { told: mail.told, at });
  });
  if (unreached === undefined) return 'known';
  await raiseAlarm(system, {
    kind: 'mail_refused',
    subject: mail.contactId === null ? 'operators' : `contact ${mail.contactId}`,
    detail: `the mail came back (${why})`,
  });
  for (const subject of unreached)
    await raiseAlarm(system, { kind: 'contact_missing', subject, detail: 'no address of its own works any more' });
  return 'bounced';
}
