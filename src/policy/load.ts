// Reads policies/ once at start-up and refuses it as a whole if anything in it is wrong. The only file of this folder that
// touches the disk.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { parseDocument } from 'yaml';
import { type Finding, Refusal } from '../errors.ts';
import { type Hierarchy, HierarchySchema, readHierarchy } from './hierarchy.ts';
import { hierarchyFindings } from './hierarchy-coherence.ts';
import { type NoticePolicy, NoticesSchema, noticeFindings } from './notices.ts';
import { EACH_INTERMEDIATE, type Profile, ProfileSchema } from './profile.ts';
import { profileFindings } from './profile-coherence.ts';

export type Policies = {
  readonly hierarchy: Hierarchy;
  /** by name; each has the digest of its file */
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly notices: NoticePolicy;
};

const hierarchyForm = Compile(HierarchySchema);
const profileForm = Compile(ProfileSchema);
const noticesForm = Compile(NoticesSchema);

/**
 * The policies of `directory`: the hierarchy `hierarchy/<branch>.yaml`, every file of `profiles/`, and `notices.yaml`, deeply frozen.
 * Throws Refusal configuration_invalid with every finding; `at` is the file under `directory`, `#`, and the JSON pointer in it.
 */
export function loadPolicies(directory: string, branch = 'test'): Policies {
  const file = `hierarchy/${branch}.yaml`;
  const read = readForm(hierarchyForm, readYaml(directory, file));
  const broken =
    'value' in read
      ? [...misnamed(read.value.name, branch.toUpperCase()), ...hierarchyFindings(read.value)]
      : read.findings;
  if (broken.length > 0 || !('value' in read)) throw refusal(placed(file, broken));
  const hierarchy = readHierarchy(read.value);

  const results = profileFiles(directory).map((name) => readProfile(directory, name, hierarchy));
  const profiles = new Map(results.flatMap(({ profile }) => (profile === undefined ? [] : [[profile.name, profile]])));
  const unknown = hierarchy.authorities.flatMap(({ id, issues }) =>
    issues
      .filter((name) => !results.some((result) => result.file === `profiles/${name}.yaml`))
      .map((name) => ({
        rule: 'hierarchy',
        at: `${file}#/intermediates`,
        detail: `${id} issues ${name}, and there is no such profile`,
      })),
  );
  const notices = readNotices(directory);
  const findings = [...unknown, ...results.flatMap((result) => result.findings), ...notices.findings];
  if (findings.length > 0 || notices.policy === undefined) throw refusal(findings);
  return freeze({ hierarchy, profiles, notices: notices.policy });
}

type ReadNotices = { readonly policy?: NoticePolicy; readonly findings: readonly Finding[] };

function readNotices(directory: string): ReadNotices {
  const file = 'notices.yaml';
  const read = readForm(noticesForm, readYaml(directory, file));
  if (!('value' in read)) return { findings: placed(file, read.findings) };
  return { policy: read.value, findings: placed(file, noticeFindings(read.value)) };
}

type ReadProfile = { readonly file: string; readonly profile?: Profile; readonly findings: readonly Finding[] };

function readProfile(directory: string, name: string, hierarchy: Hierarchy): ReadProfile {
  const file = `profiles/${name}`;
  const yaml = readYaml(directory, file);
  const read = readForm(profileForm, yaml);
  if (!('value' in read)) return { file, findings: placed(file, read.findings) };
  const digest = createHash('sha256').update(yaml.bytes).digest('hex');
  const profile = { ...read.value, digest, issuers: issuersOf(read.value.issuer, hierarchy) };
  const findings = [...misnamed(profile.name, name.replace(/\.yaml$/, '')), ...profileFindings(profile, hierarchy)];
  return findings.length === 0 ? { file, profile, findings } : { file, findings: placed(file, findings) };
}

const misnamed = (name: string, file: string): Finding[] =>
  name === file ? [] : [{ rule: 'policies', at: '/name', detail: 'the name is that of the file without .yaml' }];

const issuersOf = (issuer: string, { authorities, suffix }: Hierarchy): string[] =>
  authorities
    .filter(({ id, kind }) => kind === 'intermediate' && (issuer === EACH_INTERMEDIATE || id === issuer + suffix))
    .map(({ id }) => id);

/** Every file of profiles/ is one: a stray copy beside them would be a profile that nobody reviewed, or one that nobody misses. */
function profileFiles(directory: string): string[] {
  const names = attempt(() => readdirSync(join(directory, 'profiles')), 'profiles').sort();
  const stray = names.filter((name) => !name.endsWith('.yaml'));
  if (stray.length === 0 && names.length > 0) return names;
  const none = { rule: 'profile', at: 'profiles', detail: 'there is no profile' };
  throw refusal(
    stray.length === 0
      ? [none]
      : stray.map((name) => ({ rule: 'profile', at: `profiles/${name}`, detail: 'not a .yaml file' })),
  );
}

type Yaml = { readonly bytes: Uint8Array; readonly value?: unknown; readonly findings: readonly Finding[] };

/** YAML 1.2 without tags, anchors and aliases, duplicate keys, or a second document. */
function readYaml(directory: string, file: string): Yaml {
  const bytes = attempt(() => readFileSync(join(directory, file)), file);
  const rule = 'YAML 1.2';
  try {
    const document = parseDocument(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { uniqueKeys: true });
    const wrong = [...document.errors, ...document.warnings].map(({ message }) => ({
      rule,
      detail: message.split('\n')[0] ?? message,
    }));
    return wrong.length > 0
      ? { bytes, findings: wrong }
      : { bytes, value: document.toJS({ maxAliasCount: 0 }), findings: [] };
  } catch (error) {
    return { bytes, findings: [{ rule, detail: error instanceof Error ? error.message : 'unreadable' }] };
  }
}

type Form<T> = { Check(value: unknown): value is T; Errors(value: unknown): FormError[] };
type FormError = { keyword: string; instancePath: string; message: string; params: object };

function readForm<T>(form: Form<T>, yaml: Yaml): { readonly value: T } | { readonly findings: readonly Finding[] } {
  if (yaml.findings.length > 0) return { findings: yaml.findings };
  if (form.Check(yaml.value)) return { value: yaml.value };
  // an unknown key is reported at its own place; the second report, at the object around it, adds nothing
  const errors = form.Errors(yaml.value).filter(({ keyword }) => keyword !== 'additionalProperties');
  return { findings: errors.map(schemaFinding) };
}

const schemaFinding = ({ keyword, instancePath, message, params }: FormError): Finding => ({
  rule: 'schema',
  at: instancePath,
  detail: keyword === 'boolean' ? 'this key is unknown' : `${message}${allowed(params)}`,
});

const allowed = (params: object): string =>
  'allowedValues' in params && Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';

const placed = (file: string, findings: readonly Finding[]): Finding[] =>
  findings.map((finding) => ({ ...finding, at: `${file}#${finding.at ?? ''}` }));

const refusal = (findings: readonly Finding[]): Refusal =>
  new Refusal('configuration_invalid', `the policies are refused: ${findings.length} finding(s)`, findings);

function attempt<T>(read: () => T, at: string): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw refusal([{ rule: 'policies', at, detail: `cannot be read: ${code}` }]);
  }
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const inner = value instanceof Map ? [...value.values()] : Object.values(value);
  for (const one of inner) freeze(one);
  return Object.freeze(value);
}
