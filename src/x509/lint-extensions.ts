// Lint of a certificate's extensions: which, in what order, how critical, and what each says. An extension that has no rule,
// or for which no value is expected, cannot pass.
import type { Finding } from '../errors.ts';
import { type DerElement, DerError, readObjectIdentifier, TAG } from './der.ts';
import type { Extension } from './extensions.ts';
import { type ExpectedExtension, type ExpectedExtensions, VALUE_RULES } from './lint-extension-values.ts';
import { expect, type Rule, reading } from './lint-finding.ts';

const LIST: Rule = {
  rule: 'RFC 5280 §4.2 Certificate Extensions',
  at: 'tbsCertificate.extensions',
  remedy: 'write the extensions of the profile, in its order, each once',
};

/** The findings in the element `[3]` that holds the extensions. */
export function lintExtensions(field: DerElement, expected: ExpectedExtensions): Finding[] {
  const [list, ...rest] = field.children;
  if (field.tag !== 0xa3 || list?.tag !== TAG.SEQUENCE || rest.length > 0)
    return expect(false, LIST, 'there is no list');
  return reading(LIST, () => {
    const found = list.children.map(readExtension);
    return [...lintList(found, expected.list), ...found.flatMap((extension) => lintValue(extension, expected))];
  });
}

/** extnID, critical, extnValue; an own walk, because parseExtensions stops at the first fault. */
function readExtension(element: DerElement): Extension {
  const [oid, second, third] = element.children;
  const value = third ?? second;
  const writtenFalse = third !== undefined && (second?.tag !== TAG.BOOLEAN || second.content[0] !== 0xff);
  if (element.tag !== TAG.SEQUENCE || element.children.length > 3 || oid === undefined || writtenFalse) {
    throw new DerError('an Extension is extnID, critical where it is TRUE, and extnValue', element.offset);
  }
  if (value?.tag !== TAG.OCTET_STRING) throw new DerError('an extnValue is an OCTET STRING', element.offset);
  return { oid: readObjectIdentifier(oid), critical: third !== undefined, value: value.content };
}

function lintList(found: readonly Extension[], wanted: readonly ExpectedExtension[]): Finding[] {
  const oids = found.map(({ oid }) => oid);
  const twice = oids.filter((oid, index) => oids.indexOf(oid) !== index);
  const extra = oids.filter((oid) => !wanted.some((extension) => extension.oid === oid));
  const missing = wanted.filter(({ oid }) => !oids.includes(oid));
  const differently = found.filter(({ oid, critical }) => wanted.some((w) => w.oid === oid && w.critical !== critical));
  const ordered = JSON.stringify(oids) === JSON.stringify(wanted.map(({ oid }) => oid));
  const findings = [
    ...twice.flatMap((oid) => expect(false, LIST, `extension ${oid} stands twice`)),
    ...extra.flatMap((oid) => expect(false, LIST, `extension ${oid} is not in the profile`)),
    ...missing.flatMap(({ oid }) => expect(false, LIST, `extension ${oid} is missing`)),
    ...differently.flatMap(({ oid }) =>
      expect(false, LIST, `extension ${oid} is critical where it should not be, or not where it should`),
    ),
  ];
  return findings.length > 0 ? findings : expect(ordered, LIST, 'the extensions are in another order');
}

function lintValue({ oid, value }: Extension, expected: ExpectedExtensions): Finding[] {
  const known = VALUE_RULES[oid];
  const at = `${LIST.at}.${oid}`;
  if (known === undefined) return expect(false, { ...LIST, at }, `there is no rule for extension ${oid}`);
  const rule: Rule = { rule: known.title, at, remedy: 'take the value of the profile and of the plan' };
  return reading(rule, () => {
    const wanted = known.want(expected);
    const form = known.form?.(value, expected);
    return [
      ...expect(wanted !== undefined, rule, 'no value is expected for this extension'),
      ...expect(
        JSON.stringify(known.read(value)) === JSON.stringify(wanted),
        rule,
        'the value differs from the expected one',
      ),
      ...expect(form === undefined, rule, form ?? ''),
    ];
  });
}
