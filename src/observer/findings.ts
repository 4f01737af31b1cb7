// What a look comes to, before it is told.

import type { AlarmKind } from '../alarms/raise.ts';

/** Of each kind that was looked at: what is wrong, or null when it is right. What could not be looked at is absent. */
export type Findings = Partial<Record<AlarmKind, string | null>>;
