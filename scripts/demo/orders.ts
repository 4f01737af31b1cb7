// What the demo orders: one certificate of each profile that can be ordered, for whom its policy says. It derives the order from the
// policy, so that a profile that is added is ordered too; what it does not know how to order, the API refuses by name.

import type { Profile } from '../../src/policy/profile.ts';
import { EMPLOYEE, MIDWIFE, SPEECH_THERAPIST } from './people.ts';
import { COMPANY, HOSPITAL } from './stage.ts';

export type KeyType = 'RSA-2048' | 'P-256' | 'P-384';

export type Order = {
  readonly profile: string;
  readonly keyType: KeyType;
  /** the subject of the request, as openssl takes it */
  readonly subject: string;
  /** for people: who gets it */
  readonly holder: string;
  /** members of the API's body beside `profile` and `csr` */
  readonly body: {
    readonly holder: { readonly structure: string } & Readonly<Record<string, unknown>>;
    readonly names?: Readonly<Record<string, unknown>>;
  };
};

const DOMAIN = 'ch-demonstration.fr';
const PROFESSIONALS = [MIDWIFE, SPEECH_THERAPIST];
/** The last profiles that allow EC keys have these; all others have RSA keys. */
const CURVES = ['P-384', 'P-256'] as const;

/** One order for each profile that can be ordered, in the order of the policies. Throws for a holder that nobody can name. */
export function ordersFor(profiles: Iterable<Profile>): readonly Order[] {
  const orderable = [...profiles].filter(({ issuedBy }) => issuedBy === 'order');
  const onCurves = orderable.filter(({ keys }) => keys.ec !== undefined).slice(-CURVES.length);
  const ofProfessionals = orderable.filter(({ holder }) => holder === 'professional');
  return orderable.map((profile) => {
    const turn = ofProfessionals.indexOf(profile) % PROFESSIONALS.length;
    return {
      profile: profile.name,
      keyType: CURVES[onCurves.indexOf(profile)] ?? 'RSA-2048',
      ...(profile.holder === 'structure' ? forStructure(profile) : forPerson(profile, PROFESSIONALS[turn] ?? MIDWIFE)),
    };
  });
}

type Wanted = Pick<Order, 'subject' | 'holder' | 'body'>;

/** Services of organisations are the company's; hosts and mailboxes are the hospital's. */
function forStructure({ name, names }: Profile): Wanted {
  const hospital = { holder: `${HOSPITAL.name} (FINESS)`, structure: { structure: HOSPITAL.id } };
  const inDomain = (commonName: string, others: object): Wanted => ({
    ...{ subject: `/CN=${commonName}`, holder: hospital.holder },
    body: { holder: hospital.structure, names: { commonName, ...others } },
  });
  switch (names?.rule) {
    case 'fqdn': {
      const host = `${name}.${DOMAIN}`;
      return inDomain(host, { dnsNames: [host, `www.${host}`].slice(0, names.most) });
    }
    case 'mailbox': {
      const mailbox = `secretariat@${DOMAIN}`;
      return inDomain(mailbox, { emailAddresses: [mailbox] });
    }
    default:
      // the name is that of the request alone
      return {
        ...{ subject: `/CN=service ${name}`, holder: `${COMPANY.name} (SIRET)` },
        body: { holder: { structure: COMPANY.id } },
      };
  }
}

/** The name in the request is ignored, for the administrator says who it is. */
function forPerson(profile: Profile, professional: typeof MIDWIFE): Wanted {
  const subject = '/CN=ignored';
  const withMailbox = profile.subjectAltName?.rfc822Name !== undefined;
  const certified = <T extends { email: string }>({ email, ...person }: T): object => ({
    ...person,
    ...(withMailbox ? { email } : {}),
  });
  switch (profile.holder) {
    case 'employee':
      return {
        ...{ subject, holder: 'an employee of the hospital' },
        body: { holder: { structure: HOSPITAL.id, employee: certified(EMPLOYEE) } },
      };
    case 'professional':
      return {
        ...{ subject, holder: 'two professionals (RPPS, ADELI)' },
        body: { holder: { structure: HOSPITAL.id, professional: certified(professional) } },
      };
    default:
      throw new Error(`the demo knows nobody for the profile ${profile.name}, whose holder is a ${profile.holder}`);
  }
}
