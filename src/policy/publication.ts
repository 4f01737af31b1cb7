// What the policy lets anyone see, the same for every way of publishing it.

import type { Policies } from './load.ts';

/** The names of the profiles whose certificates anyone may see. */
export const publicProfiles = ({ profiles }: Pick<Policies, 'profiles'>): string[] =>
  [...profiles.values()].filter(({ publication }) => publication.certificate === 'public').map(({ name }) => name);
