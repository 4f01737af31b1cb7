// What the policy lets anyone see, the same for every way of publishing it.

import type { Policies } from './load.ts';
import type { Profile } from './profile.ts';

/** The names of the profiles whose certificates anyone may see. */
export const publicProfiles = ({ profiles }: Pick<Policies, 'profiles'>): string[] =>
  [...profiles.values()].filter(({ publication }) => publication.certificate === 'public').map(({ name }) => name);

/** Those among them whose mailboxes anyone may see who has leave of their holders. */
export const mailProfiles = ({ profiles }: Pick<Policies, 'profiles'>): string[] =>
  [...profiles.values()].filter(({ publication }) => publication.mail === 'consent').map(({ name }) => name);

/** Of each of some mailboxes that anybody ever consented to: whether a consent is in force. */
type Consents = ReadonlyMap<string, boolean>;

/** Whether a consent is in force for each of these mailboxes; false where there is none. */
export const isConsented = (mailboxes: readonly string[], consents: Consents): boolean =>
  mailboxes.length > 0 && mailboxes.every((mailbox) => consents.get(mailbox) === true);

/**
 * Whether anyone may come upon a certificate that holds these mailboxes: its profile is public, and either it holds none, or the profile
 * lets them be shown with consent and a consent is in force for each.
 */
export const mayBeComeUpon = (
  { certificate, mail }: Profile['publication'],
  mailboxes: readonly string[],
  consents: Consents,
): boolean =>
  certificate === 'public' && (mailboxes.length === 0 || (mail === 'consent' && isConsented(mailboxes, consents)));
