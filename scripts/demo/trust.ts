// The demo's CA certificates and CRLs as openssl reads them: what the certificates are judged by, after they were judged themselves.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openssl } from './openssl.ts';

/** The demo's folder, and a temporary one for PEM bundles. */
export type Room = { readonly directory: string; readonly bundles: string };

export type Trust = {
  /** PEM bundles */
  readonly roots: string;
  readonly intermediates: string;
  readonly crls: string;
  /** the CAs by openssl's hash of their subject */
  readonly authorities: ReadonlyMap<string, Authority>;
};
type Authority = { readonly id: string; readonly file: string; readonly pem: string };

/** Reads ca/ and crl/, and has openssl verify each file. Throws an error that names the first that is not as it should be. */
export async function readTrust(room: Room): Promise<Trust> {
  const [ids, lists] = [stems(room, 'ca', '.cer'), stems(room, 'crl', '.crl')];
  if (ids.length === 0) throw new Error('there is no CA certificate in ca/');
  if (ids.join() !== lists.join()) throw new Error(`crl/ has lists of ${lists.join(', ')}; ca/ has ${ids.join(', ')}`);
  const read = await Promise.all(ids.map((id) => readAuthority(room, id)));
  const authorities = new Map(read);
  const bundle = (name: string, of: (authority: Authority) => boolean): string =>
    writeBundle(
      room,
      name,
      [...authorities.values()].filter(of).map(({ pem }) => pem),
    );
  const everyCa = bundle('authorities.pem', () => true);
  const roots = bundle('roots.pem', ({ id }) => id.startsWith('ACR-'));
  const intermediates = bundle('intermediates.pem', ({ id }) => id.startsWith('ACI-'));
  const texts = await Promise.all(read.map(([hash, { id }]) => readCrl(room, { id, hash, everyCa })));
  const crls = writeBundle(room, 'crls.pem', texts);
  // roots first: a root's fault shows in all below it too
  const rootsFirst = [...authorities.values()].sort((a, b) => b.id.localeCompare(a.id));
  await checkAuthorities(rootsFirst, { roots, crls });
  checkRoots(room, roots);
  return { roots, intermediates, crls, authorities };
}

const stems = ({ directory }: Room, folder: string, ending: string): readonly string[] =>
  readdirSync(join(directory, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => basename(name, ending))
    .sort();

function writeBundle({ bundles }: Room, name: string, texts: readonly string[]): string {
  writeFileSync(join(bundles, name), texts.join(''));
  return join(bundles, name);
}

async function readAuthority({ directory }: Room, id: string): Promise<[hash: string, authority: Authority]> {
  const file = join(directory, 'ca', `${id}.cer`);
  const { data } = await naming(`ca/${id}.cer`, () =>
    openssl('x509', '-inform', 'DER', '-in', file, '-subject_hash', '-outform', 'PEM'),
  );
  return [hashIn(data), { id, file, pem: pemIn(data, 'CERTIFICATE') }];
}

/** The file that curl is given holds the roots, in the order of their names, and nothing else. */
function checkRoots({ directory }: Room, roots: string): void {
  if (readFileSync(join(directory, 'ca', 'roots.pem'), 'utf8') !== readFileSync(roots, 'utf8'))
    throw new Error('ca/roots.pem does not hold the roots that are in ca/');
}

/** The list of `id` is signed by that CA: openssl finds the issuer by name, and the name is that of the file. */
async function readCrl(
  { directory }: Room,
  { id, hash, everyCa }: { id: string; hash: string; everyCa: string },
): Promise<string> {
  const name = `crl/${id}.crl`;
  const { data, remarks } = await naming(name, () =>
    openssl('crl', '-inform', 'DER', '-in', join(directory, name), '-CAfile', everyCa, '-hash', '-outform', 'PEM'),
  );
  if (hashIn(data) !== hash) throw new Error(`${name} is the CRL of another authority`);
  if (!remarks.includes('verify OK')) throw new Error(`${name}: openssl does not verify it: ${remarks.trim()}`);
  return pemIn(data, 'X509 CRL');
}

/** RFC 5280 §6 for every CA in one call; the roots' own signatures too, which path validation leaves out. */
async function checkAuthorities(
  authorities: readonly Authority[],
  trust: { roots: string; crls: string },
): Promise<void> {
  const strict = ['-x509_strict', '-check_ss_sig', '-crl_check_all'];
  const files = authorities.map(({ file }) => file);
  const said = await openssl('verify', ...strict, '-CAfile', trust.roots, '-CRLfile', trust.crls, ...files).catch(
    (error: unknown) => Promise.reject(new Error(`ca/: ${messageOf(error)}`)),
  );
  for (const { id, file } of authorities)
    if (!said.data.includes(`${file}: OK\n`)) throw new Error(`ca/${id}.cer: openssl does not verify it`);
}

/** Runs a judgement of one file; an error says which. */
export async function naming<T>(name: string, judge: () => Promise<T>): Promise<T> {
  try {
    return await judge();
  } catch (error) {
    throw new Error(`${name}: ${messageOf(error)}`);
  }
}
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The one block of PEM of this kind in openssl's output. */
export const pemIn = (data: string, label: 'CERTIFICATE' | 'X509 CRL' | 'PUBLIC KEY'): string =>
  new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----\n`).exec(data)?.[0] ?? '';

/** The one name hash in openssl's output. */
export const hashIn = (data: string): string => /^[0-9a-f]{8}$/m.exec(data)?.[0] ?? '';
