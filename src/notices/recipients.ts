// Who is written to about an end. Pure.

import type { NoticePolicy } from '../policy/notices.ts';

type Contact = {
  readonly id: string;
  readonly ownerKind: 'structure' | 'holder' | 'administrator';
  readonly ownerKey: string;
  readonly role: 'owner' | 'technical' | 'fallback';
  readonly email: string;
  readonly language: 'fr' | 'en';
};

export type Recipient = { readonly contactId: string | null; readonly email: string; readonly language: 'fr' | 'en' };

type Certificate = {
  readonly holderKey: string;
  readonly structure: string | null;
  /** `administrator:…` by row id, for one that was ordered */
  readonly actor: string;
};

/** What is known of a page of certificates; every contact in it works. */
export type Directory = {
  readonly contacts: readonly Contact[];
  /** row ids of the administrators of each structure */
  readonly administrators: ReadonlyMap<string, readonly string[]>;
};

/** `reached`: somebody of the certificate's own; else its structure's last resort and the operators. */
export type Recipients = { readonly reached: boolean; readonly recipients: readonly Recipient[] };

/**
 * The owner, who is the holder or else their structure, and the technical administrator, who is the one that ordered it or, once that
 * one acts for the structure no longer, all that do. When none of them has an address that works: the structure's fallback and the
 * operators' list. Each address once.
 */
export function chooseRecipients(
  certificate: Certificate,
  { contacts, administrators }: Directory,
  { operators }: Pick<NoticePolicy, 'operators'>,
): Recipients {
  const { holderKey, structure, actor } = certificate;
  const of = (kind: Contact['ownerKind'], key: string | null, role: Contact['role']): readonly Contact[] =>
    contacts.filter((one) => one.ownerKind === kind && one.ownerKey === key && one.role === role);
  const acting = administrators.get(structure ?? holderKey) ?? [];
  const orderer = acting.filter((id) => actor === `administrator:${id}`);
  const technical = (orderer.length > 0 ? orderer : acting).flatMap((id) => of('administrator', id, 'technical'));
  const own = firstOf(of('holder', holderKey, 'owner'), of('structure', structure ?? holderKey, 'owner'));
  const reached = [...own, ...technical];
  if (reached.length > 0) return { reached: true, recipients: once(reached.map(recipient)) };
  const last = [
    ...of('structure', structure ?? holderKey, 'fallback').map(recipient),
    ...operators.map(({ address, language }) => ({ contactId: null, email: address, language })),
  ];
  return { reached: false, recipients: once(last) };
}

const firstOf = <T>(...lists: readonly (readonly T[])[]): readonly T[] => lists.find((list) => list.length > 0) ?? [];

const recipient = ({ id, email, language }: Contact): Recipient => ({ contactId: id, email, language });

const once = (recipients: readonly Recipient[]): readonly Recipient[] =>
  [...new Map(recipients.map((one) => [one.email, one] as const).reverse()).values()].reverse();
