// One profile in words, for a registration officer: each choice on a line of its own, and beneath it the reason that the file gives. Pure.

import type { Profile } from '../../src/policy/profile.ts';

const WIDTH = 116;

const ISSUED_BY: Readonly<Record<Profile['issuedBy'], string>> = {
  order: 'technical administrators, for their structures; operators in their stead (order)',
  operator: 'operators (operator)',
  system: 'the service, for itself (system)',
};

/** Keys that are not shown, or shown under another name. */
const ELSEWHERE = new Set([
  'name',
  'title',
  'issuedBy',
  'issuer',
  'issuers',
  'digest',
  'why',
  'subject',
  'validity',
  'keys',
]);

/** The lines of a profile. What the schema may learn later is shown too, as it stands in the file. */
export function profileLines(profile: Profile): readonly string[] {
  const { why = {} } = profile;
  const rest = Object.entries(profile).filter(([key]) => !ELSEWHERE.has(key));
  const fields: readonly (readonly [key: string, lines: readonly string[]])[] = [
    ['name', [profile.name]],
    ['title', [profile.title.fr, profile.title.en]],
    ['issuedBy', [ISSUED_BY[profile.issuedBy]]],
    ['issuer', profile.issuers],
    ['validity', [validityText(profile.validity)]],
    ['keys', [keysText(profile.keys)]],
    [
      'subject',
      profile.subject.map((rdn) =>
        Object.entries(rdn)
          .map(([type, value]) => `${type}=${value}`)
          .join(' + '),
      ),
    ],
    ...rest.map(([key, value]) => [key, [valueText(value)]] as const),
    ['digest', [profile.digest]],
  ];
  const shown = new Set(fields.map(([key]) => key));
  const reasons = Object.keys(why)
    .filter((key) => !shown.has(key))
    .map((key) => [key, []] as const);
  const all = [...fields, ...reasons];
  const width = Math.max(...all.map(([key]) => key.length));
  return all.flatMap(([key, lines]) => {
    const reason =
      why[key] === undefined ? [] : wrap(`why: ${why[key].trim()}`, WIDTH - width - 4).map((line) => `  ${line}`);
    const text = [...lines.flatMap((line) => wrap(line, WIDTH - width - 2)), ...reason];
    return text.map((line, at) => `${(at === 0 ? key : '').padEnd(width)}  ${line}`);
  });
}

/** `3 years`, `30 days`. */
export function validityText(validity: Profile['validity']): string {
  return Object.entries(validity)
    .map(([unit, count]) => `${count} ${count === 1 ? unit.replace(/s$/, '') : unit}`)
    .join(', ');
}

/** `RSA 2048 3072 4096, EC P-256 P-384`. */
export function keysText({ rsa, ec }: Profile['keys']): string {
  const parts = [
    ...(rsa === undefined ? [] : [`RSA ${rsa.sizes.join(' ')}`]),
    ...(ec === undefined ? [] : [`EC ${ec.curves.join(' ')}`]),
  ];
  return parts.join(', ');
}

function valueText(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => (inner === true ? key : `${key}: ${valueText(inner)}`))
    .join(' · ');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
