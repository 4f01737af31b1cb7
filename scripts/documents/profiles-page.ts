// docs/profiles.md: who may order what, with which keys and names, from the policy files themselves.

import type { Policies } from '../../src/policy/load.ts';
import { EACH_INTERMEDIATE, type Profile } from '../../src/policy/profile.ts';
import { table } from './table.ts';

const HEAD = `# Profiles

What this authority certifies, in the TEST branch. Written by \`npm run dumps\` from \`policies/\`, and not by hand; how to read and
change a profile stands in [policies/README.md](../policies/README.md).

An RSA key of 2048 bits is refused in a certificate that would be valid in 2031 (RGS B1).`;

const SECTIONS: readonly (readonly [issuedBy: Profile['issuedBy'], title: string, text: string])[] = [
  [
    'order',
    'What can be ordered',
    'By a technical administrator of the structure, or by an operator for them. The key is in software.',
  ],
  ['operator', 'Cards', 'By operators alone, who stand in for the registration of cards. The key is in the card.'],
  ['system', 'For the service itself', 'Nobody orders these.'],
];

/** The whole page. */
export function profilesPage({ profiles, hierarchy }: Policies): string {
  const all = [...profiles.values()];
  const sections = SECTIONS.flatMap(([issuedBy, title, text]) => {
    const some = all.filter((profile) => profile.issuedBy === issuedBy);
    return [`## ${title}`, text, whoAndWhat(some, hierarchy.suffix), keysAndUsages(some)];
  });
  return `${[HEAD, ...sections, '## Each profile', ...all.map(reasons)].join('\n\n')}\n`;
}

const whoAndWhat = (profiles: readonly Profile[], suffix: string): string =>
  table([
    ['profile', 'ce que c’est', 'what it is', 'holder', 'names', 'validity', 'issuer', 'in the directory'],
    ...profiles.map((profile) => [
      `\`${profile.name}\``,
      profile.title.fr,
      profile.title.en,
      HOLDERS[profile.holder],
      namesOf(profile),
      validityOf(profile),
      profile.issuer === EACH_INTERMEDIATE ? 'each intermediate' : profile.issuer + suffix,
      publicationOf(profile),
    ]),
  ]);

const keysAndUsages = (profiles: readonly Profile[]): string =>
  table([
    [
      'profile',
      'RSA bits',
      'EC curves',
      'key usage (critical)',
      'with an EC key',
      'purposes',
      'private key usage period',
    ],
    ...profiles.map(({ name, keys, keyUsage, extendedKeyUsage, privateKeyUsagePeriod }) => [
      `\`${name}\``,
      keys.rsa?.sizes.join(', ') ?? 'none',
      keys.ec?.curves.join(', ') ?? 'none',
      keyUsage.rsa?.join(', ') ?? '',
      keyUsage.ec?.join(', ') ?? '',
      extendedKeyUsage.join(', '),
      privateKeyUsagePeriod === undefined ? '' : 'as the certificate',
    ]),
  ]);

const HOLDERS: Readonly<Record<Profile['holder'], string>> = {
  structure: 'a structure',
  professional: 'a health professional',
  employee: 'an employee of a structure',
  ca: 'an intermediate authority',
};

const many = (count = 1): string => (count === 1 ? 'one' : `up to ${count}`);

function namesOf({ names, subjectAltName }: Profile): string {
  if (names?.rule === 'fqdn') return `${many(names.most)} DNS name${names.most === 1 ? '' : 's'}, the CN among them`;
  if (names?.rule === 'mailbox') return `${many(names.most)} mailboxes, the CN among them`;
  if (names?.rule === 'text') return 'a free name';
  if (subjectAltName?.rfc822Name !== undefined) return 'the holder’s, with a mailbox';
  return subjectAltName?.userPrincipalName === undefined ? 'the holder’s' : 'the holder’s, with a user principal name';
}

const validityOf = ({ validity: { years, days } }: Profile): string =>
  years === undefined ? `${days} days` : `${years} years`;

function publicationOf({ publication: { certificate, mail } }: Profile): string {
  if (certificate === 'none') return 'no';
  return mail === 'consent' ? 'yes; its mailbox with consent' : 'yes';
}

/** The subject and the reasons that the file gives, with a link to the example. */
function reasons({ name, subject, why = {} }: Profile): string {
  const layout = subject.map((rdn) =>
    Object.entries(rdn)
      .map(([type, text]) => `${type} \`${text}\``)
      .join(' + '),
  );
  return [
    `### ${name}`,
    `An example is in [${name}.txt](../policies/dumps/${name}.txt). Subject, in DER order: ${layout.join(' / ')}.`,
    ...(Object.keys(why).length === 0
      ? []
      : [
          Object.entries(why)
            .map(([key, text]) => `- ${key}: ${text.trim()}`)
            .join('\n'),
        ]),
  ].join('\n\n');
}
