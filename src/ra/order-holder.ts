// The holder as an order names them, and as the policy knows them: a structure, someone of its staff, or a professional. What is
// wrong with a holder is told at the place where the order says it.

import { type Finding, Refusal } from '../errors.ts';
import type { Holder, Structure } from '../policy/holder.ts';
import type { Profile } from '../policy/profile.ts';

type Person = { readonly familyName: string; readonly givenName: string; readonly email?: string };

/** At most one person; without one the structure itself is the holder. */
export type OrderHolder = {
  /** Struct_IdNat of the structure for which it is ordered */
  readonly structure: string;
  readonly employee?: Person & { readonly registryNumber: string };
  readonly professional?: Person & { readonly idNatPs: string; readonly profession: number };
};

const PEOPLE = ['employee', 'professional'] as const;

/** Throws Refusal `holder_invalid` unless the order names the kind of holder that the profile is for. */
export function refuseOtherHolder(profile: Profile | undefined, holder: OrderHolder): void {
  // that there is no such profile, or that nobody can order it, is said in its place
  if (profile === undefined || profile.issuedBy !== 'order') return;
  const findings = PEOPLE.flatMap((kind): Finding[] => {
    const given = holder[kind] !== undefined;
    if (given === (profile.holder === kind)) return [];
    const detail = given
      ? `the holder of this profile is a ${profile.holder}`
      : `the holder of this profile is a person: name the ${kind}`;
    return [{ rule: `profile ${profile.name}: holder`, at: `/holder/${kind}`, detail }];
  });
  if (findings.length > 0) {
    throw new Refusal('holder_invalid', 'the order names another kind of holder than the profile', findings);
  }
}

/** The holder for the policy, with the structure as its row says it. */
export function holderOf({ employee, professional }: OrderHolder, structure: Structure): Holder {
  if (employee !== undefined) return { kind: 'employee', structure, ...employee };
  if (professional !== undefined) return { kind: 'professional', ...professional };
  return { kind: 'structure', ...structure };
}

/** Runs `act`; what it refuses about the holder is placed in the order: `/holder/familyName` is said at `/holder/employee/familyName`. */
export async function placedInOrder<T>({ kind }: Holder, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const findings = error.findings.map((finding) =>
      finding.at === undefined ? finding : { ...finding, at: placeInOrder(finding.at, kind) },
    );
    throw new Refusal(error.code, error.message, findings);
  }
}

/** What the row of the structure says is at `/holder/structure`, whichever part of it is meant. */
function placeInOrder(at: string, kind: Holder['kind']): string {
  if (!at.startsWith('/holder/')) return at;
  if (kind === 'structure' || at.startsWith('/holder/structure')) return '/holder/structure';
  return `/holder/${kind}${at.slice('/holder'.length)}`;
}
