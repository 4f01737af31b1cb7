// A technical administrator orders a certificate for one of their structures, for someone of its staff or for a professional who
// works there. Registration (contracts, mandates, orders and retrieval) comes before this step one day; what it decides is
// already asked here.

import { findStructure } from '#db/structures.ts';
import { profileSubject, refusalsAudited } from '../ca/audit-refusal.ts';
import { type IssueNeeds, issueCertificate } from '../ca/issue.ts';
import { refusalsCounted } from '../ca/measure-issuance.ts';
import { Refusal } from '../errors.ts';
import type { Structure } from '../policy/holder.ts';
import type { RequestedNames } from '../policy/requested-names.ts';
import { type CertificateView, findVisibleCertificate, viewOf } from './certificate-view.ts';
import type { AdministratorActor } from './find-actor.ts';
import { type Idempotency, once, type Settle } from './once.ts';
import { refuseOtherPerson } from './one-person.ts';
import { holderOf, type OrderHolder, placedInOrder, refuseOtherHolder } from './order-holder.ts';

export type OrderCommand = {
  readonly profile: string;
  readonly holder: OrderHolder;
  /** the PKCS#10 request as it came, not yet judged; DER */
  readonly csr: Uint8Array;
  readonly names?: RequestedNames;
  readonly actor: AdministratorActor;
  readonly idempotency?: Idempotency;
};

/**
 * Issues what is ordered, once per Idempotency-Key. Throws Refusal `not_allowed` for a structure that is not the actor's,
 * `holder_invalid` for a holder of another kind than the profile's.
 */
export async function orderCertificate(system: IssueNeeds, command: OrderCommand): Promise<CertificateView> {
  const { actor, idempotency } = command;
  const subjectId = profileSubject(system, command.profile);
  const refusable = { kind: 'certificate_refused', actor, subjectId } as const;
  const told = <T>(act: () => Promise<T>): Promise<T> =>
    refusalsCounted(system, command.profile, () => refusalsAudited(system, refusable, act));
  // Before the Idempotency-Key: a right is asked for each time, and no key remembers that there was none.
  const structure = await told(() => structureOf(system, command));
  const first = async (settle: Settle | undefined): Promise<CertificateView> => {
    await told(async () => refuseOtherHolder(system.policies.profiles.get(command.profile), command.holder));
    const holder = holderOf(command.holder, structure);
    const issued = await placedInOrder(holder, async () => {
      await told(() => refuseOtherPerson(system, holder));
      return issueCertificate(system, {
        profile: command.profile,
        holder,
        structure: structure.structIdNat,
        key: { csr: command.csr },
        ...(command.names === undefined ? {} : { names: command.names }),
        actor,
        ...(settle === undefined ? {} : { settle: (tx, { id }) => settle(tx, id) }),
      });
    });
    return viewOf(system, issued);
  };
  const again = (id: string): Promise<CertificateView> => findVisibleCertificate(system, { id, actor });
  return once(system, { actor, route: 'orderCertificate', idempotency }, { first, again });
}

async function structureOf(system: IssueNeeds, command: OrderCommand): Promise<Structure> {
  const structIdNat = command.holder.structure;
  const row = command.actor.structures.includes(structIdNat)
    ? await findStructure(system.db.read, structIdNat)
    : undefined;
  // The same answer for a structure that does not exist and for one of somebody else: nobody learns which exist.
  if (row === undefined) {
    throw new Refusal('not_allowed', 'no right to act for this structure', [
      {
        rule: 'a technical administrator acts for their own structures',
        at: '/holder/structure',
        detail: 'this structure is not among yours',
        remedy: 'ask an operator to add it to you',
      },
    ]);
  }
  return { structIdNat: row.structIdNat, name: row.name, department: row.department };
}
