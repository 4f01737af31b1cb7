// Who asks: every act of the authority is done for one of these, and the audit names it.

export type Actor =
  /** a technical administrator, known by row id; `structures` are the Struct_IdNat that they may act for */
  | { readonly kind: 'administrator'; readonly id: string; readonly structures: readonly string[] }
  /** a person at the operators' command line */
  | { readonly kind: 'operator'; readonly id: string }
  /** the service itself: recovery, responder renewal, schedules */
  | { readonly kind: 'system'; readonly id: string };

/** The actor in one word for rows and audit lines: `administrator:0198…`. */
export const actorText = (actor: Actor): string => `${actor.kind}:${actor.id}`;
