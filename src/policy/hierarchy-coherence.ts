// What the values of a hierarchy file must mean together, beyond their schema. Each finding has the JSON pointer of the value at
// fault.

import type { Finding } from '../errors.ts';
import { EVERY, type HierarchyFile } from './hierarchy.ts';

type Check = (file: HierarchyFile) => readonly (Finding | undefined)[];

const unless = (holds: boolean, at: string, detail: string, rule = 'hierarchy'): Finding | undefined =>
  holds ? undefined : { rule, at, detail };

type Placed = { readonly at: string; readonly value: string };

const authoritiesOf = (file: HierarchyFile) => [
  ...file.roots.map((ca, index) => ({ ca, at: `/roots/${index}` })),
  ...file.intermediates.map((ca, index) => ({ ca, at: `/intermediates/${index}` })),
];

function checkOnce(values: readonly Placed[]): (Finding | undefined)[] {
  const seen = new Set<string>();
  return values.map(({ at, value }) => {
    const first = !seen.has(value);
    seen.add(value);
    return unless(first, at, 'this stands twice');
  });
}

const checkUnique: Check = (file) => {
  const all = authoritiesOf(file);
  const paths = all.flatMap(({ ca, at }) => [
    { at: `${at}/paths/certificate`, value: ca.paths.certificate },
    { at: `${at}/paths/crl`, value: ca.paths.crl },
  ]);
  return [
    ...checkOnce(all.map(({ ca, at }) => ({ at: `${at}/id`, value: ca.id }))),
    ...checkOnce(all.map(({ ca, at }) => ({ at: `${at}/commonName`, value: ca.commonName }))),
    ...checkOnce([...paths, { at: '/chainPath', value: file.chainPath }]),
  ];
};

const checkIds: Check = (file) =>
  authoritiesOf(file).flatMap(({ ca, at }) => {
    const kind = 'issuer' in ca ? 'ACI-' : 'ACR-';
    return [
      unless(ca.id.startsWith(kind), `${at}/id`, `this id begins with ${kind}`),
      unless(ca.id.endsWith(file.suffix), `${at}/id`, `the id ends with ${file.suffix}`),
    ];
  });

const checkIssuers: Check = (file) =>
  file.intermediates.map(({ issuer }, index) =>
    unless(
      file.roots.some(({ id }) => id === issuer),
      `/intermediates/${index}/issuer`,
      'the issuer is one of the roots',
    ),
  );

const checkBranch: Check = (file) => [
  unless(
    file.test === (file.productCategories.card === '80'),
    '/productCategories/card',
    'cards are 80 in a test branch, 00 otherwise',
    'TRE_G01',
  ),
  unless(
    file.test === (file.productCategories.software === '83'),
    '/productCategories/software',
    'software is 83 in a test branch, 03 otherwise',
    'TRE_G01',
  ),
  ...(file.test ? authoritiesOf(file) : []).map(({ ca, at }) =>
    unless(
      ca.commonName.startsWith('TEST '),
      `${at}/commonName`,
      'the name of a test authority begins with TEST',
      'RGS A4 §II.4',
    ),
  ),
];

const checkPolicyOids: Check = ({ policyOids, intermediates, test }) => {
  const issued = new Set(intermediates.flatMap(({ issues }) => issues));
  const named = Object.keys(policyOids);
  const rule = 'RFC 5280 §4.2.1.4 Certificate Policies';
  if (EVERY in policyOids) {
    return [
      unless(test, '/policyOids/every', 'one policy for every profile is for a test branch', rule),
      unless(policyOids[EVERY] !== null, '/policyOids/every', 'the policy is not stated', rule),
      unless(named.length === 1, '/policyOids', 'every stands alone', rule),
    ];
  }
  const stated = [...issued].filter((profile) => typeof policyOids[profile] === 'string');
  return [
    ...[...issued]
      .filter((profile) => !stated.includes(profile))
      .map((profile) => ({
        rule,
        at: `/policyOids/${profile}`,
        detail: `no policy OID is stated for ${profile}`,
        remedy: 'write the one that the certification policy (PC) of the deployment has',
      })),
    ...named
      .filter((profile) => !issued.has(profile))
      .map((profile) => unless(false, `/policyOids/${profile}`, 'no authority issues this profile', rule)),
    ...checkOnce(stated.map((profile) => ({ at: `/policyOids/${profile}`, value: policyOids[profile] ?? '' }))),
  ];
};

/** What a signer lets a list last, and a ceremony. */
const LONGEST_LIST_DAYS = { intermediate: 10, root: 60 } as const;

const checkRhythm: Check = ({ crl }) =>
  (['root', 'intermediate'] as const).flatMap((kind) => {
    const { periodHours, validityHours } = crl[kind];
    const at = `/crl/${kind}/validityHours`;
    const most = LONGEST_LIST_DAYS[kind];
    return [
      unless(validityHours > periodHours, at, 'a list outlives the making of the next'),
      unless(validityHours <= 24 * most, at, `no such list is signed for more than ${most} days`),
    ];
  });

const checkPercentEncoding: Check = (file) => {
  const paths = [
    ...authoritiesOf(file).flatMap(({ ca, at }) => [
      { at: `${at}/paths/certificate`, value: ca.paths.certificate },
      { at: `${at}/paths/crl`, value: ca.paths.crl },
    ]),
    { at: '/chainPath', value: file.chainPath },
    { at: '/urls/cps', value: file.urls.cps },
    { at: '/urls/public', value: file.urls.public },
    { at: '/urls/ocsp', value: file.urls.ocsp },
  ];
  return paths.map(({ at, value }) => {
    const encoded = !/%(?![0-9A-F]{2})/.test(value) && !value.split('/').some((part) => part === '.' || part === '..');
    return unless(
      encoded,
      at,
      'percent signs are followed by two capital hexadecimal digits, and no segment is a dot',
      'RFC 3986 §2.1 Percent-Encoding',
    );
  });
};

const CHECKS: readonly Check[] = [
  checkUnique,
  checkIds,
  checkIssuers,
  checkBranch,
  checkPolicyOids,
  checkRhythm,
  checkPercentEncoding,
];

/** Every contradiction inside a hierarchy file; empty when there is none. */
export const hierarchyFindings = (file: HierarchyFile): Finding[] =>
  CHECKS.flatMap((check) => check(file)).filter((found) => found !== undefined);
