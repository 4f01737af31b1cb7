// CA certificates and their chain as files, under the very paths that the certificates carry.

import { createHash } from 'node:crypto';
import { certificatePath } from '../policy/hierarchy.ts';
import type { Needs } from '../system.ts';
import { buildCertsOnly } from '../x509/pkcs7.ts';

export type AuthorityFile = { readonly der: Uint8Array; readonly contentType: string; readonly etag: string };

/** Every file by decoded path: one `.cer` for each authority (RFC 5280 §4.2.2.1), and the chain as certs-only PKCS #7. */
export function authorityFiles(system: Needs<'authorities' | 'policies'>): ReadonlyMap<string, AuthorityFile> {
  const files = new Map<string, AuthorityFile>();
  const add = (path: string, der: Uint8Array, contentType: string): void => {
    const etag = `"${createHash('sha256').update(der).digest('hex').slice(0, 32)}"`;
    files.set(decodeURI(path), { der, contentType, etag });
  };
  const { hierarchy } = system.policies;
  for (const { id, certificate } of system.authorities.values()) {
    add(certificatePath(hierarchy, id), certificate.der, 'application/pkix-cert');
  }
  const chain = buildCertsOnly([...system.authorities.values()].map(({ certificate }) => certificate.der));
  add(hierarchy.chainPath, chain, 'application/pkcs7-mime');
  return files;
}
