// Which CA a CertID speaks of: issuerNameHash and issuerKeyHash under each digest that we answer (RFC 6960 §4.1.1).

import { createHash } from 'node:crypto';
import type { Authorities, Authority } from '../authority.ts';
import { subjectPublicKeyBits } from '../x509/keys.ts';
import type { OcspCertId } from '../x509/ocsp.ts';
import { OID } from '../x509/oids.ts';

const DIGESTS: readonly (readonly [oid: string, name: string])[] = [
  [OID.sha1, 'sha1'],
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
];

export type IssuerIndex = { find(certId: OcspCertId): Authority | undefined };

/** An index over the intermediates, computed once; roots have no delegated responder and are not answered for. */
export function createIssuerIndex(authorities: Authorities): IssuerIndex {
  const index = new Map<string, Authority>();
  for (const authority of authorities.values()) {
    if (authority.kind === 'root') continue;
    const { subject, spki } = authority.certificate;
    for (const [oid, name] of DIGESTS) {
      const nameHash = createHash(name).update(subject).digest('hex');
      const keyHash = createHash(name).update(subjectPublicKeyBits(spki)).digest('hex');
      index.set(`${oid} ${nameHash} ${keyHash}`, authority);
    }
  }
  return {
    find: (certId) => {
      const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
      return index.get(`${certId.hashAlgorithm} ${hex(certId.issuerNameHash)} ${hex(certId.issuerKeyHash)}`);
    },
  };
}
