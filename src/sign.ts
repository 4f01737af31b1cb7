// The one way from a linted structure to a signed one. The signer verifies what its token made; it is verified here again,
// against the certificate that relying parties will use, before anybody sees it.

import type { Signer } from '#hsm/client.ts';
import type { Authority } from './authority.ts';
import { Outage } from './errors.ts';
import { signatureAlgorithmIdentifier, verifySignature } from './x509/algorithms.ts';
import { assembleSigned } from './x509/certificate.ts';
import type { Signable } from './x509/signable.ts';

/**
 * Has a CA's key sign a TBSCertificate or TBSCertList and gives the whole signed structure in DER.
 * Throws what the signer throws, and Outage `signature: 'unknown'` when the answer does not verify: such bytes are never stored as issued.
 */
export async function signWithAuthority(
  signer: Pick<Signer, 'sign'>,
  authority: Authority,
  signable: Signable,
): Promise<Uint8Array> {
  const signature = await signer.sign(authority.keyId, signable);
  if (!verifySignature(authority.algorithm, authority.verifyingKey, signable.tbs, signature)) {
    throw new Outage('hsm', 'the token answered a signature that does not verify', { signature: 'unknown' });
  }
  return assembleSigned(signable.tbs, signatureAlgorithmIdentifier(authority.algorithm), signature);
}
