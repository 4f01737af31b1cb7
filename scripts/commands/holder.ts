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
  readonly email?: string;
};

type HolderOption = keyof HolderOptions;

const NEEDED: Readonly<Record<Exclude<Profile['holder'], 'ca'>, readonly HolderOption[]>> = {
  structure: ['structure'],
  professional: ['idNatPs', 'familyName', 'givenName', 'profession'],
  employee: ['structure', 'registryNumber', 'familyName', 'givenName'],
};

/** By the kind of the holder, and by what the profile certifies of them. */
const neededBy = (kind: Exclude<Profile['holder'], 'ca'>, profile: Profile): readonly HolderOption[] => [
  ...NEEDED[kind],
  ...(profile.privateExtensions?.cardNumber === true ? (['cardNumber'] as const) : []),
  ...(profile.subjectAltName?.rfc822Name === undefined ? [] : (['email'] as const)),
];

const ALL: readonly HolderOption[] = [
  'structure',
  'idNatPs',
  'registryNumber',
  'familyName',
  'givenName',
  'profession',
  'cardNumber',
  'email',
];

/** What is wrong with the choice of options for this profile, as a line for the caller; undefined when nothing is. */
export function wrongOptions(profile: Profile, options: HolderOptions): string | undefined {
  if (profile.holder === 'ca') return undefined;
  const needed = neededBy(profile.holder, profile);
  const missing = needed.filter((name) => options[name] === undefined).map(flag);
  const surplus = ALL.filter((name) => options[name] !== undefined && !needed.includes(name)).map(flag);
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
  const { idNatPs = '', familyName = '', givenName = '', registryNumber = '', cardNumber, email } = options;
  const certified = {
    ...(cardNumber === undefined ? {} : { card: { number: cardNumber } }),
    ...(email === undefined ? {} : { email }),
  };
  switch (profile.holder) {
    case 'structure':
      return { kind: 'structure', ...(await knownStructure(tx, options.structure)) };
    case 'professional': {
      const profession = Number(options.profession);
      return { kind: 'professional', idNatPs, familyName, givenName, profession, ...certified };
    }
    case 'employee':
      return {
        kind: 'employee',
        structure: await knownStructure(tx, options.structure),
        registryNumber,
        familyName,
        givenName,
        ...certified,
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
