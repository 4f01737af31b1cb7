// A bag of certificates as PKCS #7 "certs-only": a SignedData without content and without signers (RFC 5652 §5.1 SignedData Type).
import { element, explicit, integer, objectIdentifier, sequence, setOf } from './der-writer.ts';
import { OID } from './oids.ts';

/** The DER of a degenerate SignedData with these certificates; a SET, so readers must not rely on their order. */
export function buildCertsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const sorted = [...certificates].sort((a, b) => Buffer.compare(a, b));
  const signedData = sequence(
    integer(1),
    setOf(),
    sequence(objectIdentifier(OID.data)),
    element(0xa0, ...sorted),
    setOf(),
  );
  return sequence(objectIdentifier(OID.signedData), explicit(0, signedData));
}
