// Who is behind a TLS connection: the card certificate is validated for every request, and stands for issuing CA + card profile +
// national identifier; a name alone is nobody.

import { findLogin } from '#db/logins.ts';
import type { Actor } from '../actor.ts';
import { Refusal } from '../errors.ts';
import type { Needs } from '../system.ts';
import { readCard } from './card-login.ts';

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
  const { certificate, issuer } = readCard(system, leaf, refused);
  const login = await findLogin(system.db.read, {
    issuer: issuer.id,
    serial: certificate.serial,
    issuerIssuer: issuer.issuer,
    issuerSerial: issuer.certificate.serial,
  });
  // An authority whose certificate is revoked vouches for nobody, its cards neither.
  if (login?.authorityRevoked === true) throw refused('the authority that issued the certificate is revoked');
  if (login?.der === undefined || Buffer.compare(login.der, certificate.der) !== 0)
    throw refused('this authority has no record of the certificate');
  if (login.revoked) throw refused('the certificate is revoked');
  if (login.administrator === undefined) throw refused('the holder is not known as a technical administrator');
  return { kind: 'administrator', id: login.administrator, structures: login.structures };
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
