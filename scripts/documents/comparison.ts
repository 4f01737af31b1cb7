// docs/comparison.md: certificates of IGC-Santé, as facts that were decoded once, beside what this authority makes of the same
// request. A difference without a reason, and a reason without a difference, is an error.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { parse } from 'yaml';
import { decide } from '../../src/policy/decide.ts';
import { type Hierarchy, HierarchySchema, readHierarchy } from '../../src/policy/hierarchy.ts';
import type { Holder } from '../../src/policy/holder.ts';
import type { Policies } from '../../src/policy/load.ts';
import { issuerOf, type Profile } from '../../src/policy/profile.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { NO_VEIL, PERSON_VEIL } from './describe.ts';
import { type Facts, factsOf } from './facts.ts';
import { authorityOn, HOLDER_KEY, issuingCaOn, SERIAL, unsigned } from './fixed.ts';
import { table } from './table.ts';

const closed = { additionalProperties: false } as const;
const Words = Type.Record(Type.String(), Type.String());

const SampleSchema = Type.Object(
  {
    title: Type.String(),
    source: Type.String(),
    branch: Type.Enum(['production', 'test']),
    /** when it was issued */
    moment: Type.String(),
    profile: Type.Optional(Type.String()),
    authority: Type.Optional(Type.String()),
    holder: Type.Optional(Type.Unsafe<Holder>(Type.Object({ kind: Type.String() }))),
    names: Type.Optional(
      Type.Object({ commonName: Type.String(), dnsNames: Type.Optional(Type.Array(Type.String())) }, closed),
    ),
    /** the certificate itself is not at hand: the fields that are known, and no others, are compared */
    partial: Type.Optional(Type.Literal(true)),
    facts: Words,
    /** by field: why ours differs */
    reasons: Words,
  },
  closed,
);
const DeviationsSchema = Type.Array(
  Type.Object(
    { rule: Type.String(), whose: Type.Enum(['theirs', 'ours', 'both']), what: Type.String(), why: Type.String() },
    closed,
  ),
);

type Sample = Static<typeof SampleSchema>;
type Place = { readonly directory: string; readonly policies: Policies };

const sampleForm = Compile(SampleSchema);
const deviationsForm = Compile(DeviationsSchema);
const hierarchyForm = Compile(HierarchySchema);

/** When the authorities of IGC-Santé began. */
const CREATED = new Date('2013-06-25T00:00:00.000Z');

const HEAD = `# Against the real ones

Certificates of IGC-Santé that ANS has published in packages and test resources, field by field, beside what this authority makes
of the same request at the same moment. Written by \`npm run dumps\`; the facts stand in \`policies/real/\`, and the reasons with them.
Who a person is, is left out: […].`;

/** The whole page. Throws Error where a difference has no reason, or a reason no difference. */
export function comparisonPage(place: Place): string {
  const files = readdirSync(join(place.directory, 'real'))
    .filter((name) => name !== 'deviations.yaml')
    .sort();
  const samples = files.map((name) => sampleForm.Parse(read(place.directory, `real/${name}`)));
  const deviations = deviationsForm.Parse(read(place.directory, 'real/deviations.yaml'));
  const list = table([
    ['rule', 'whose', 'what', 'why it stays'],
    ...deviations.map(({ rule, whose, what, why }) => [rule, whose, what, why]),
  ]);
  const sections = samples.map((sample) => sectionOf(sample, place));
  return `${[HEAD, ...sections, '## Deviations from RGS A4 and RFC 5280', list].join('\n\n')}\n`;
}

const read = (directory: string, file: string): unknown => parse(readFileSync(join(directory, file), 'utf8'));

function sectionOf(sample: Sample, place: Place): string {
  const ours = factsOf(certificateLike(sample, place), veilOf(sample));
  const fields = Object.keys(sample.partial ? sample.facts : { ...sample.facts, ...ours });
  const rows = fields.map((field) => rowOf(field, sample, ours));
  const stale = Object.keys(sample.reasons).filter((field) => !fields.includes(field));
  if (stale.length > 0) throw new Error(`${sample.title}: a reason for ${stale.join(', ')}, and no such field`);
  return [`## ${sample.title}`, sample.source, table([['field', 'IGC-Santé', 'ours', 'why'], ...rows])].join('\n\n');
}

function rowOf(field: string, { title, facts, reasons }: Sample, ours: Facts): string[] {
  const [theirs = 'absent', own = 'absent'] = [facts[field], ours[field]];
  const reason = reasons[field];
  if ((theirs === own) !== (reason === undefined)) {
    throw new Error(
      `${title}: ${field} ${reason === undefined ? 'differs without a reason' : 'has a reason and is the same'}: ${own}`,
    );
  }
  return [field, theirs, reason === undefined ? 'the same' : own, reason ?? ''];
}

const veilOf = ({ holder }: Sample) =>
  holder?.kind === 'professional' || holder?.kind === 'employee' ? PERSON_VEIL : NO_VEIL;

/** What this authority would have made of the sample's request. */
function certificateLike(sample: Sample, { directory, policies }: Place): Certificate {
  const hierarchy = hierarchyOf(sample, directory);
  if (sample.authority !== undefined) return authorityOn(hierarchy, sample.authority, CREATED);
  const profile = profileFor(sample, policies, hierarchy);
  const { holder, names = {} } = sample;
  if (holder === undefined) throw new Error(`${sample.title}: a holder or an authority`);
  const issuer = issuingCaOn(hierarchy, issuerOf(profile, holder), CREATED);
  const context = { profile, hierarchy, issuer, serial: SERIAL, now: new Date(sample.moment) };
  return unsigned(decide({ spki: HOLDER_KEY, holder, names }, context).fields);
}

// Read without the checks of start-up: the three profiles that are compared in production have a policy, and the others are not used.
const hierarchyOf = ({ branch }: Sample, directory: string): Hierarchy =>
  readHierarchy(hierarchyForm.Parse(read(directory, `hierarchy/${branch}.yaml`)));

function profileFor({ profile: name = '' }: Sample, { profiles }: Policies, { suffix }: Hierarchy): Profile {
  const profile = profiles.get(name);
  if (profile === undefined) throw new Error(`there is no profile ${name}`);
  return { ...profile, issuers: [profile.issuer + suffix] };
}
