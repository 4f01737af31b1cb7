// Who a technical administrator is: issuing CA, card profile and national identifier together, named one by one or read from a card
// certificate. A name alone, or a software certificate, is nobody.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Login } from '#db/administrators.ts';
import { Refusal } from '../../src/errors.ts';
import { checkIdNatPs } from '../../src/identifiers/person.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import type { Profile } from '../../src/policy/profile.ts';
import { cardLogin } from '../../src/ra/card-login.ts';
import { DerError } from '../../src/x509/der.ts';
import { fromPem } from '../../src/x509/pem.ts';

export type LoginOptions = {
  readonly issuingCa?: string;
  readonly cardProfile?: string;
  readonly nationalId?: string;
};

/** Adds the three options that name a login. */
export const withLogin = (command: Command): Command =>
  command
    .option('--issuing-ca <id>', 'the authority that issued the card, as `igc hierarchy list` names it')
    .option('--card-profile <name>', 'the profile of the card: cps-auth, cpe-auth')
    .option('--national-id <IdNat_PS>', 'the holder’s national identifier');

/** How many of the three were given: a login is named by all or by none. */
export const partsGiven = ({ issuingCa, cardProfile, nationalId }: LoginOptions): 'all' | 'some' | 'none' => {
  const given = [issuingCa, cardProfile, nationalId].filter((part) => part !== undefined).length;
  return given === 3 ? 'all' : given === 0 ? 'none' : 'some';
};

/** The login that three parts name. Throws Refusal `profile_unknown`, `holder_invalid` or `identifier_invalid`. */
export function namedLogin(system: OpenSystem, options: LoginOptions): Login {
  const { issuingCa = '', cardProfile = '', nationalId = '' } = options;
  loginProfile(system, cardProfile, issuingCa);
  const findings = checkIdNatPs(nationalId, { test: system.policies.hierarchy.test, at: '--national-id' });
  if (findings.length > 0) throw new Refusal('identifier_invalid', 'the national identifier is not accepted', findings);
  return { issuingCa, cardProfile, nationalId };
}

/** The login behind a card certificate, which must be good to log in with now. Throws Refusal `holder_invalid`. */
export async function cardFileLogin(system: OpenSystem, path: string): Promise<Login> {
  const login = await cardLogin(system, readCard(path), (detail) => notACard(path, detail));
  loginProfile(system, login.cardProfile, login.issuingCa);
  return login;
}

function readCard(path: string): Uint8Array {
  try {
    const [der] = fromPem(readFileSync(path, 'utf8'), 'CERTIFICATE');
    if (der !== undefined) return der;
  } catch (error) {
    const unreadable = error instanceof DerError || (error instanceof Error && 'code' in error);
    if (!unreadable) throw error;
  }
  throw notACard(path, 'it cannot be read as a PEM certificate');
}

/** The profile of cards with which people log in: issued by operators, for client authentication. */
function loginProfile(system: OpenSystem, name: string, issuer: string): void {
  const { profiles, hierarchy } = system.policies;
  const profile = profiles.get(name);
  if (profile === undefined) throw new Refusal('profile_unknown', `there is no profile ${name}`);
  if (!canLogIn(profile)) throw refusedLogin(`a certificate of profile ${name} is no card to log in with`);
  if (profile.issuer + hierarchy.suffix !== issuer) throw refusedLogin(`${issuer} does not issue profile ${name}`);
}

const canLogIn = ({ issuedBy, extendedKeyUsage }: Profile): boolean =>
  issuedBy === 'operator' && extendedKeyUsage.includes('clientAuth');

const refusedLogin = (detail: string): Refusal =>
  new Refusal('holder_invalid', 'this is no login', [
    {
      rule: 'issuing CA + card profile + national identifier',
      detail,
      remedy: 'take a card certificate, such as cps-auth or cpe-auth',
    },
  ]);

const notACard = (path: string, detail: string): Refusal =>
  new Refusal('holder_invalid', 'the certificate is not accepted', [
    { rule: 'a login stands for a card that this authority issued', at: path, detail },
  ]);
