// The holder of a certificate from the options of `igc certificate issue`: which of them a profile takes follows from the kind of
// its holder. Whether the values are right is decided with the rest of the request.

import type { Tx } from '#db/connect.ts';
import { findStructure } from '#db/structures.ts';
import { Refusal } from '../../src/errors.ts';
import type { Holder, Structure } from '../../src/policy/holder.ts';
import type { Profile } from '../../src/policy/profile.ts';

export type HolderOptions = {
  readonly structure?: string;
  readonly idNatPs?: string;
  readonly registryNumber?: string;
  readonly familyName?: string;
  readonly givenName?: string;
  readonly profession?: string;
  readonly cardNumber?: string;
};

type HolderOption = keyof HolderOptions;

const TAKEN: Readonly<
  Record<
    Exclude<Profile['holder'], 'ca'>,
    { readonly needed: readonly HolderOption[]; readonly optional: readonly HolderOption[] }
  >
> = {
  structure: { needed: ['structure'], optional: [] },
  professional: { needed: ['idNatPs', 'familyName', 'givenName', 'profession'], optional: ['cardNumber'] },
  employee: { needed: ['structure', 'registryNumber', 'familyName', 'givenName', 'cardNumber'], optional: [] },
};

/** What is wrong with the choice of options for this profile, as a line for the caller; undefined when nothing is. */
export function wrongOptions(profile: Profile, options: HolderOptions): string | undefined {
  if (profile.holder === 'ca') return undefined;
  const { needed, optional } = TAKEN[profile.holder];
  const given = (
    ['structure', 'idNatPs', 'registryNumber', 'familyName', 'givenName', 'profession', 'cardNumber'] as const
  ).filter((name) => options[name] !== undefined);
  const missing = needed.filter((name) => !given.includes(name)).map(flag);
  const surplus = given.filter((name) => !needed.includes(name) && !optional.includes(name)).map(flag);
  const parts = [
    ...(missing.length > 0 ? [`needs ${missing.join(', ')}`] : []),
    ...(surplus.length > 0 ? [`does not take ${surplus.join(', ')}`] : []),
  ];
  return parts.length === 0 ? undefined : `error: profile ${profile.name} ${parts.join(' and ')}`;
}

/** `idNatPs` → `--id-nat-ps`. */
const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The holder, with the structure as the database knows it. Throws Refusal `holder_unknown`, `profile_not_orderable`. */
export async function holderOf(tx: Tx, profile: Profile, options: HolderOptions): Promise<Holder> {
  const { idNatPs = '', familyName = '', givenName = '', registryNumber = '', cardNumber } = options;
  switch (profile.holder) {
    case 'structure':
      return { kind: 'structure', ...(await knownStructure(tx, options.structure)) };
    case 'professional': {
      const card = cardNumber === undefined ? {} : { card: { number: cardNumber } };
      return { kind: 'professional', idNatPs, familyName, givenName, profession: Number(options.profession), ...card };
    }
    case 'employee':
      return {
        kind: 'employee',
        structure: await knownStructure(tx, options.structure),
        registryNumber,
        familyName,
        givenName,
        card: { number: cardNumber ?? '' },
      };
    case 'ca':
      throw new Refusal(
        'profile_not_orderable',
        `certificates of profile ${profile.name} are made by the service itself`,
      );
  }
}

async function knownStructure(tx: Tx, structIdNat = ''): Promise<Structure> {
  const row = await findStructure(tx, structIdNat);
  if (row !== undefined) return { structIdNat: row.structIdNat, name: row.name, department: row.department };
  throw new Refusal('holder_unknown', 'there is no such structure', [
    {
      rule: 'a holder is known before it has certificates',
      at: '--structure',
      detail: `${structIdNat} is unknown`,
      remedy: 'igc structure add',
    },
  ]);
}
