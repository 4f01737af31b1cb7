// A refusal is an act like another: it is audited with its code, and costs neither a serial nor a token call.

import { appendAudit } from '#db/audit.ts';
import { type Actor, actorText } from '../actor.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';

type Refusable = {
  readonly kind: 'certificate_refused' | 'revocation_refused';
  readonly actor: Actor;
  /** an id or a name of ours: what a stranger typed does not go into rows that are never erased */
  readonly subjectId: string;
};

/** Runs `act`; a Refusal that it throws is audited before it goes on. If that fails, the caller gets that failure: no audited act without its row. */
export async function refusalsAudited<T>(
  system: Needs<'db' | 'clock'>,
  { kind, actor, subjectId }: Refusable,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) {
      const content = { code: error.code };
      await system.db.transaction((tx) =>
        appendAudit(tx, { kind, actor: actorText(actor), subjectId, at: system.clock(), content }),
      );
    }
    throw error;
  }
}

/** What a refused certificate is filed under: its profile, if there is one of that name. */
export const profileSubject = ({ policies }: Needs<'policies'>, profile: string): string =>
  policies.profiles.has(profile) ? profile : 'unknown profile';
