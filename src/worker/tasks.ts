// Task name → payload schema → use case. A task is one hop: what it does can be called by hand just as well.

import type { TaskList } from 'graphile-worker';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { publishNeededCrl } from '../crl/publish.ts';
import type { System } from '../system.ts';

const PublishCrl = Type.Object(
  { authority: Type.String({ pattern: '^[A-Z]{3}(-[A-Z]{2,4}){1,3}$' }) },
  { additionalProperties: false },
);

/** Every task of the worker, by the name that rows use. */
export function createTasks(system: System): TaskList {
  return {
    publish_crl: async (payload) => {
      const { authority } = Value.Parse(PublishCrl, payload);
      await publishNeededCrl(system, authority, system.issuing);
    },
  };
}
