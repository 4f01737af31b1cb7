// How an order names a profile and a holder, for the contract. What the values mean is the policy's matter: only their shape is
// told here.

import { Type } from 'typebox';
import { closed } from './schemas.ts';

export const profileName = Type.String({
  description: 'The certificate profile, one of those that GET /v1/profiles lists.',
  pattern: '^[a-z0-9-]{1,64}$',
  examples: ['serv-ssl'],
});
export const structIdNat = Type.String({
  description:
    'National identifier of one of your structures (Struct_IdNat): prefix and FINESS, SIREN or SIRET. The certificate belongs to it.',
  pattern: '^[!-~]{1,64}$',
  examples: ['10B0000001'],
});

const person = {
  familyName: Type.String({ description: 'Nom d’exercice.', maxLength: 256, examples: ['DURAND'] }),
  givenName: Type.String({ description: 'Prénom usuel.', maxLength: 256, examples: ['Anne'] }),
  email: Type.Optional(
    Type.String({
      description: 'The mailbox of this person; required by the profiles that certify it, refused by the others.',
      maxLength: 254,
      examples: ['anne.durand@exemple.fr'],
    }),
  ),
};

const Employee = Type.Object(
  {
    registryNumber: Type.String({
      description: 'The entry of this person in the registry of the structure: digits and capital letters.',
      pattern: '^[!-~]{1,64}$',
      examples: ['CPET0002'],
    }),
    ...person,
  },
  { ...closed, description: 'Someone of the structure’s staff, for the profiles `pro-…`.' },
);

const Professional = Type.Object(
  {
    idNatPs: Type.String({
      description: 'National identifier (IdNat_PS): 8 and RPPS number, or 0 and ADELI number.',
      pattern: '^[!-~]{1,64}$',
      examples: ['899700075064'],
    }),
    ...person,
    profession: Type.Integer({ description: 'Code of table TRE_G15.', minimum: 0, maximum: 999, examples: [10] }),
  },
  { ...closed, description: 'A health professional who works there, for the profiles `ps-…`.' },
);

export const OrderHolder = Type.Object(
  { structure: structIdNat, employee: Type.Optional(Employee), professional: Type.Optional(Professional) },
  { ...closed, description: 'The structure, and the person where the profile is for one: at most one of the two.' },
);
