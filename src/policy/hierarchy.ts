// The certification authorities of one branch as policies/hierarchy/<branch>.yaml states them: closed schema, names, URLs, and
// the digest by which start-up recognises the branch that was created.

import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Refusal } from '../errors.ts';
import type { KeyAlgorithm } from '../x509/keys.ts';
import { formatName, type Name, type Rdn } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';

const closed = { additionalProperties: false } as const;

const Id = Type.String({ pattern: '^AC[IR](-[A-Z]{2,4}){1,3}$' });
const CommonName = Type.String({ minLength: 3, maxLength: 64 });
const Paths = Type.Object(
  {
    certificate: Type.String({ pattern: '^(/[A-Za-z0-9._~%-]+)+\\.cer$' }),
    crl: Type.String({ pattern: '^(/[A-Za-z0-9._~%-]+)+\\.crl$' }),
  },
  closed,
);
const Hours = Type.Integer({ minimum: 1, maximum: 8784 });
const CrlRhythm = Type.Object({ periodHours: Hours, validityHours: Hours }, closed);
const HTTP_URL = '^http://[a-z0-9.-]+(/[A-Za-z0-9._~%-]+)*$';

export const HierarchySchema = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Z]{2,20}$' }),
    title: Type.Object({ fr: Type.String({ minLength: 3 }), en: Type.String({ minLength: 3 }) }, closed),
    test: Type.Boolean(),
    suffix: Type.String({ pattern: '^(-[A-Z]{2,10})?$' }),
    apiHost: Type.String({ pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)+$' }),
    urls: Type.Object(
      {
        public: Type.String({ pattern: HTTP_URL }),
        ocsp: Type.String({ pattern: HTTP_URL }),
        ldap: Type.String({ pattern: '^ldap://[a-z0-9.-]+$' }),
        cps: Type.String({ pattern: HTTP_URL }),
      },
      closed,
    ),
    /** by the name of a profile, or one for `every`; null is an OID that the deployment has to say */
    policyOids: Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9-]{1,39}$' }),
      Type.Union([Type.String({ pattern: '^[0-2](\\.(0|[1-9][0-9]*))+$' }), Type.Null()]),
      { minProperties: 1, ...closed },
    ),
    productCategories: Type.Object({ card: Type.Enum(['00', '80']), software: Type.Enum(['03', '83']) }, closed),
    organizationNameLength: Type.Integer({ minimum: 1, maximum: 64 }),
    baseName: Type.Array(
      Type.Object(
        {
          countryName: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
          organizationName: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
          organizationalUnitName: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
        },
        { ...closed, minProperties: 1, maxProperties: 1 },
      ),
      { minItems: 1, maxItems: 8 },
    ),
    key: Type.Union([
      Type.Object({ type: Type.Literal('rsa'), bits: Type.Enum([2048, 3072, 4096]) }, closed),
      Type.Object({ type: Type.Literal('ec'), curve: Type.Enum(['P-256', 'P-384']) }, closed),
    ]),
    validity: Type.Object(
      {
        years: Type.Integer({ minimum: 1, maximum: 20 }),
        intermediateEndsDaysEarlier: Type.Integer({ minimum: 1, maximum: 366 }),
      },
      closed,
    ),
    crl: Type.Object({ root: CrlRhythm, intermediate: CrlRhythm }, closed),
    chainPath: Type.String({ pattern: '^(/[A-Za-z0-9._~%-]+)+\\.p7b$' }),
    roots: Type.Array(
      Type.Object(
        { id: Id, gamme: Type.Enum(['FORT', 'STANDARD', 'ELEMENTAIRE']), commonName: CommonName, paths: Paths },
        closed,
      ),
      { minItems: 1 },
    ),
    intermediates: Type.Array(
      Type.Object(
        {
          id: Id,
          issuer: Id,
          commonName: CommonName,
          paths: Paths,
          issues: Type.Array(Type.String(), { uniqueItems: true }),
        },
        closed,
      ),
      { minItems: 1 },
    ),
  },
  closed,
);

export type HierarchyFile = Static<typeof HierarchySchema>;
export type Gamme = HierarchyFile['roots'][number]['gamme'];

export type CertificationAuthority = {
  /** the stem of its file names: `ACI-EL-ORG-TEST` */
  readonly id: string;
  readonly kind: 'root' | 'intermediate';
  readonly gamme: Gamme;
  readonly commonName: string;
  /** the id of the authority that signs its certificate; its own for a root */
  readonly issuer: string;
  readonly key: KeyAlgorithm;
  /** percent-encoded paths under urls.public */
  readonly paths: { readonly certificate: string; readonly crl: string };
  /** names of the profiles it may issue */
  readonly issues: readonly string[];
};

export type Hierarchy = Omit<HierarchyFile, 'roots' | 'intermediates'> & {
  /** each root, then the intermediates under it */
  readonly authorities: readonly CertificationAuthority[];
};

/** The hierarchy of a file that passed its schema and its checks; an intermediate takes the gamme of its root. */
export function readHierarchy(file: HierarchyFile): Hierarchy {
  const { roots, intermediates, ...rest } = file;
  const { key } = file;
  const authorities = roots.flatMap((root): CertificationAuthority[] => [
    { ...root, kind: 'root', issuer: root.id, key, issues: [] },
    ...intermediates
      .filter(({ issuer }) => issuer === root.id)
      .map((ca) => ({ ...ca, kind: 'intermediate' as const, gamme: root.gamme, key })),
  ]);
  return { ...rest, authorities };
}

/** The key of `policyOids` that stands for all profiles. */
export const EVERY = 'every';

/** The certificate policy of a profile. Throws TypeError without one: a bug, load.ts lets no such branch through. */
export function policyOidOf({ name, policyOids }: Hierarchy, profile: string): string {
  const oid = policyOids[EVERY] ?? policyOids[profile];
  if (oid === undefined || oid === null) throw new TypeError(`${name} has no policy OID for ${profile}`);
  return oid;
}

/** The authority with this id. Throws Refusal hierarchy_differs when the branch has none. */
export function caOf(hierarchy: Hierarchy, id: string): CertificationAuthority {
  const found = hierarchy.authorities.find((ca) => ca.id === id);
  if (found === undefined)
    throw new Refusal('hierarchy_differs', `the hierarchy ${hierarchy.name} has no authority ${id}`);
  return found;
}

const TYPES = {
  countryName: OID.countryName,
  organizationName: OID.organizationName,
  organizationalUnitName: OID.organizationalUnitName,
};

/** The RDNs that all authorities of the branch have before their CN. */
export function baseName(hierarchy: Hierarchy): Name {
  return hierarchy.baseName.map((rdn) =>
    Object.entries(rdn).map(([type, value]) => ({
      type: TYPES[type as keyof typeof TYPES],
      value,
      string: type === 'countryName' ? ('printable' as const) : ('utf8' as const),
    })),
  );
}

/** The subject of an authority. */
export const caName = (hierarchy: Hierarchy, ca: CertificationAuthority): Name => [
  ...baseName(hierarchy),
  utf8Rdn(OID.commonName, ca.commonName),
];

const utf8Rdn = (type: string, value: string): Rdn => [{ type, value, string: 'utf8' }];

/** Percent-encoded paths of an authority's list and certificate, as they stand in certificates. */
export const crlPath = (hierarchy: Hierarchy, id: string): string => caOf(hierarchy, id).paths.crl;
export const certificatePath = (hierarchy: Hierarchy, id: string): string => caOf(hierarchy, id).paths.certificate;
export const crlUrl = (hierarchy: Hierarchy, id: string): string => hierarchy.urls.public + crlPath(hierarchy, id);
export const certificateUrl = (hierarchy: Hierarchy, id: string): string =>
  hierarchy.urls.public + certificatePath(hierarchy, id);
/** Where the certs-only PKCS #7 of all authorities is published. */
export const chainUrl = (hierarchy: Hierarchy): string => hierarchy.urls.public + hierarchy.chainPath;

export type RevocationListAttribute = 'certificateRevocationList' | 'deltaRevocationList';

/**
 * The LDAP URL of an authority's list (RFC 4516 §2 URL Definition), in the two spellings that relying parties know: a root has
 * upper-case types and `objectclass=pkiCa`, an intermediate lower-case types, its root as an `ou`, and `objectClass=pkiCA`.
 */
export function ldapUrl(hierarchy: Hierarchy, id: string, attribute: RevocationListAttribute): string {
  const ca = caOf(hierarchy, id);
  const list = `${attribute.toLowerCase()};binary`;
  if (ca.kind === 'root') {
    return `${hierarchy.urls.ldap}/${escapeDn(formatName(caName(hierarchy, ca)))}?${list}?base?objectclass=pkiCa`;
  }
  const root = utf8Rdn(OID.organizationalUnitName, caOf(hierarchy, ca.issuer).commonName);
  const entry: Name = [...baseName(hierarchy), root, utf8Rdn(OID.commonName, ca.commonName)];
  const dn = entry
    .map((rdn) => formatName([rdn]).replace(/^[A-Z]+/, (type) => type.toLowerCase()))
    .reverse()
    .join(',');
  return `${hierarchy.urls.ldap}/${escapeDn(dn)}?${list}?base?objectClass=pkiCA`;
}

/** The entry and the attribute that an LDAP URL names, as a client asks for them (RFC 4516 §2 URL Definition). */
export function ldapPlace(url: string): { readonly dn: string; readonly attribute: string } {
  const [, dn = '', attribute = ''] = /^ldaps?:\/\/[^/]*\/([^?]*)\?([^?]*)/.exec(url) ?? [];
  return { dn: decodeURIComponent(dn), attribute: decodeURIComponent(attribute) };
}

// encodeURI leaves `?` and `#` as they are, which would end the DN (RFC 4516 §2.1 Percent-Encoding)
const escapeDn = (dn: string): string => encodeURI(dn).replaceAll('?', '%3F').replaceAll('#', '%23');

/**
 * SHA-256 in hexadecimal over all that the certificates of the authorities fix: names, keys, URLs and paths. Titles, rhythms of
 * CRLs and the profiles that each may issue are left out: they may change while the branch lives.
 */
export function hierarchyDigest(hierarchy: Hierarchy): string {
  const { name, urls, chainPath, authorities } = hierarchy;
  const fixed = {
    name,
    chainPath,
    urls: [urls.public, urls.ocsp, urls.ldap, urls.cps],
    baseName: formatName(baseName(hierarchy)),
    authorities: authorities.map(({ id, kind, commonName, issuer, key, paths }) => {
      const size = key.type === 'rsa' ? `rsa ${key.bits}` : `ec ${key.curve}`;
      return [id, kind, commonName, issuer, paths.certificate, paths.crl, size];
    }),
  };
  return createHash('sha256').update(JSON.stringify(fixed)).digest('hex');
}
