// What one profile file may say. The schema is closed: a key or a value that is not named here is refused at start-up. What the
// values must mean together is in profile-coherence.ts.

import { type Static, Type } from 'typebox';
import { Refusal } from '../errors.ts';
import type { Holder } from './holder.ts';

const closed = { additionalProperties: false } as const;
const few = { minItems: 1, uniqueItems: true } as const;

/** Attribute types that a subject may have; the DER string type of each is fixed in subject.ts. */
export const SUBJECT_ATTRIBUTES = [
  'countryName',
  'stateOrProvinceName',
  'organizationName',
  'organizationalUnitName',
  'commonName',
  'title',
  'givenName',
  'surname',
] as const;

export type SubjectAttribute = (typeof SUBJECT_ATTRIBUTES)[number];

const Template = Type.String({ minLength: 1, maxLength: 128 });
const Rdn = Type.Object(
  {
    countryName: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
    stateOrProvinceName: Type.Optional(Template),
    organizationName: Type.Optional(Template),
    organizationalUnitName: Type.Optional(Template),
    commonName: Type.Optional(Template),
    title: Type.Optional(Template),
    givenName: Type.Optional(Template),
    surname: Type.Optional(Template),
  },
  { ...closed, minProperties: 1 },
);

const Usage = Type.Enum(['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement']);
const Purpose = Type.Enum(['serverAuth', 'clientAuth', 'emailProtection', 'msSmartcardLogin', 'OCSPSigning']);

export const ProfileSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{1,39}$' }),
    title: Type.Object({ fr: Type.String({ minLength: 3 }), en: Type.String({ minLength: 3 }) }, closed),
    issuedBy: Type.Enum(['order', 'operator', 'system']),
    /** the id of an authority without the branch's suffix, or `each-intermediate` */
    issuer: Type.String({ pattern: '^(each-intermediate|AC[A-Z-]{2,20})$' }),
    holder: Type.Enum(['structure', 'professional', 'employee', 'ca']),
    /** calendar years, or days of 86,400 seconds: one of the two */
    validity: Type.Object(
      {
        years: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })),
        days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
      },
      { ...closed, minProperties: 1, maxProperties: 1 },
    ),
    keys: Type.Object(
      {
        rsa: Type.Optional(Type.Object({ sizes: Type.Array(Type.Enum([2048, 3072, 4096]), few) }, closed)),
        ec: Type.Optional(Type.Object({ curves: Type.Array(Type.Enum(['P-256', 'P-384']), few) }, closed)),
      },
      { ...closed, minProperties: 1 },
    ),
    /** `issuer`: the RDNs of the issuer's name but its CN come before those of `subject` */
    subjectBase: Type.Optional(Type.Literal('issuer')),
    /** in DER order; more than one attribute in an entry is a multi-valued RDN */
    subject: Type.Array(Rdn, { minItems: 1, maxItems: 12 }),
    names: Type.Optional(
      Type.Object(
        {
          rule: Type.Enum(['fqdn', 'mailbox', 'text']),
          most: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
          internalSuffixes: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)*$' }), few)),
        },
        closed,
      ),
    ),
    subjectAltName: Type.Optional(
      Type.Object(
        {
          dnsNames: Type.Optional(Type.Literal(true)),
          emailAddresses: Type.Optional(Type.Literal(true)),
          rfc822Name: Type.Optional(Template),
          userPrincipalName: Type.Optional(Template),
        },
        { ...closed, minProperties: 1, maxProperties: 1 },
      ),
    ),
    keyUsage: Type.Object(
      { rsa: Type.Optional(Type.Array(Usage, few)), ec: Type.Optional(Type.Array(Usage, few)) },
      { ...closed, minProperties: 1 },
    ),
    extendedKeyUsage: Type.Array(Purpose, few),
    /** how long the private key may be used: as long as the certificate is valid (RFC 3280 §4.2.1.4) */
    privateKeyUsagePeriod: Type.Optional(Type.Literal('validity')),
    /** the table that a professional's profession is taken from; without it TRE_G15, all professions */
    professions: Type.Optional(Type.Literal('in-training')),
    privateExtensions: Type.Optional(
      Type.Object(
        {
          productCategory: Type.Enum(['card', 'software']),
          cardType: Type.Optional(Type.Integer({ minimum: 0, maximum: 3 })),
          cardNumber: Type.Optional(Type.Literal(true)),
          profession: Type.Optional(Type.Literal(true)),
        },
        closed,
      ),
    ),
    /** how a relying party learns of revocation: `pointers` to CRL, delta and OCSP, or `nocheck` */
    status: Type.Enum(['pointers', 'nocheck']),
    /** what anyone may see in the directory: the certificate, and beside it the mailbox with the holder's consent or never */
    publication: Type.Object(
      { certificate: Type.Enum(['public', 'none']), mail: Type.Enum(['consent', 'never']) },
      closed,
    ),
    /** reasons for choices, by the key that they explain */
    why: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 10 }))),
  },
  closed,
);

/** One profile as its file has it, with what loading adds. */
export type Profile = Static<typeof ProfileSchema> & {
  /** SHA-256 of the file, in lower-case hexadecimal */
  readonly digest: string;
  /** ids of the authorities that issue it */
  readonly issuers: readonly string[];
};

export const EACH_INTERMEDIATE = 'each-intermediate';

/**
 * The id of the authority that issues under this profile to this holder: the holder itself where each intermediate issues for its
 * own services. Throws Refusal holder_invalid when that holder is no such authority.
 */
export function issuerOf(profile: Profile, holder: Holder): string {
  const own = holder.kind === 'ca' ? holder.id : undefined;
  const issuer = profile.issuers.find((id) => profile.issuer !== EACH_INTERMEDIATE || id === own);
  if (issuer !== undefined) return issuer;
  const rule = `profile ${profile.name}: the holder is an intermediate of the hierarchy`;
  throw new Refusal('holder_invalid', rule, [{ rule, at: '/holder', detail: 'this is no intermediate authority' }]);
}

export type ProfileSummary = Pick<
  Profile,
  'name' | 'title' | 'issuedBy' | 'holder' | 'validity' | 'keys' | 'keyUsage' | 'extendedKeyUsage' | 'digest'
> & {
  /** the English title */
  readonly description: string;
  /** id of the authority that issues it, or `each-intermediate` */
  readonly issuer: string;
  /** attribute types in DER order, those of one RDN together */
  readonly subject: readonly (readonly SubjectAttribute[])[];
  /** what the caller names: a host or a mailbox with its other names, a free name, or nothing */
  readonly names: 'fqdn' | 'mailbox' | 'text' | 'none';
};

/** A profile in short, plain data ready for JSON. */
export function profileSummary(profile: Profile): ProfileSummary {
  const { name, title, issuedBy, holder, validity, keys, keyUsage, extendedKeyUsage, digest } = profile;
  const [issuer = EACH_INTERMEDIATE, ...others] = profile.issuers;
  return {
    name,
    title,
    description: title.en,
    issuedBy,
    issuer: others.length === 0 ? issuer : EACH_INTERMEDIATE,
    holder,
    validity,
    keys,
    keyUsage,
    extendedKeyUsage,
    digest,
    subject: profile.subject.map((rdn) => SUBJECT_ATTRIBUTES.filter((type) => rdn[type] !== undefined)),
    names: profile.names?.rule ?? 'none',
  };
}
