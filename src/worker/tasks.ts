// Task name → payload schema → use case. A task is one hop: what it does can be called by hand just as well.

import type { TaskList } from 'graphile-worker';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { publishNeededCrl } from '../crl/publish.ts';
import type { Mailer } from '../notices/mail.ts';
import type { System } from '../system.ts';
import { pruneEndedRows } from '../upkeep/prune.ts';
import { compareDirectory } from './directory.ts';
import { sendNotices } from './notices.ts';
import { publishListsOrFail, recoverRows, renewResponders } from './steps.ts';

const PublishCrl = Type.Object(
  { authority: Type.String({ pattern: '^[A-Z]{3}(-[A-Z]{2,4}){1,3}$' }) },
  { additionalProperties: false },
);

/** Every task of the worker, by the name that rows use; without a mailer no mail is sent. */
export function createTasks(system: System, mailer: Mailer | undefined): TaskList {
  return {
    publish_crl: async (payload) => {
      const { authority } = Value.Parse(PublishCrl, payload);
      await publishNeededCrl(system, authority, system.issuing);
    },
    // by the schedule; their payload says when they were due, which changes nothing
    publish_due_crls: () => publishListsOrFail(system),
    renew_responders: () => renewResponders(system),
    recover_rows: () => recoverRows(system),
    prune_ended_rows: async () => {
      const deleted = await pruneEndedRows(system);
      if (deleted > 0) system.log.info({ deleted }, 'rows that serve nobody any more were deleted');
    },
    reconcile_directory: () => compareDirectory(system),
    send_notices: () => sendNotices(system, mailer),
  };
}
