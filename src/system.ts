// What a running role is made of: built once by main.ts or a script, handed to every use case, and closed in reverse order.

import type { Database } from '#db/connect.ts';
import type { Signer } from '#hsm/client.ts';
import type { Authorities } from './authority.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import type { Policies } from './policy/load.ts';

export type System = {
  readonly config: Config;
  readonly policies: Policies;
  readonly db: Database;
  readonly authorities: Authorities;
  /** the signer of the issuing token, through this role's own socket */
  readonly issuing: Signer;
  /** the signer of the OCSP token, through this role's own socket */
  readonly ocsp: Signer;
  /** the trusted clock, which throws Outage `clock` when it is not to be believed; tests hand in their own */
  readonly clock: () => Date;
  readonly log: Log;
};

/** The parts of a System that one use case needs. */
export type Needs<Part extends keyof System> = Pick<System, Part>;
