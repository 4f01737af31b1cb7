// Who is behind a TLS connection: the card certificate is validated here on every request (path, validity, usage, revocation),
// and stands for issuing CA + card profile + national identifier; a name alone is nobody.

import { findAdministrator } from '#db/administrators.ts';
import type { Actor } from '../actor.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { cardLogin } from './card-login.ts';

/** The certificate of the TLS peer in DER, leaf first and nothing above it; empty when it sent none. */
export type Peer = { readonly chain: readonly Uint8Array[] };
/** Who calls: a technical administrator, and the structures (Struct_IdNat) that they may act for. */
export type AdministratorActor = Extract<Actor, { kind: 'administrator' }>;

/** Throws Refusal `client_certificate_required` or `client_certificate_refused`; Outage when the database is away. */
export async function findActor(
  system: Needs<'db' | 'authorities' | 'clock'>,
  peer: Peer,
): Promise<AdministratorActor> {
  const [leaf] = peer.chain;
  if (leaf === undefined) throw new Refusal('client_certificate_required', 'a card certificate is needed');
  const administrator = await findAdministrator(system.db.read, await cardLogin(system, leaf, refused));
  if (administrator === undefined) throw refused('the holder is not known as a technical administrator');
  return { kind: 'administrator', id: administrator.id, structures: administrator.structures };
}

const refused = (detail: string): Refusal =>
  new Refusal('client_certificate_refused', 'the client certificate is not accepted', [
    {
      rule: 'issuing CA + card profile + national identifier',
      at: 'tls.peerCertificate',
      detail,
      remedy: 'authenticate with the card of a technical administrator',
    },
  ]);
