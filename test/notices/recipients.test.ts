import { describe, expect, it } from 'vitest';
import { chooseRecipients } from '../../src/notices/recipients.ts';

type Contact = Parameters<typeof chooseRecipients>[1]['contacts'][number];

const POLICY = { operators: [{ address: 'ops@example.fr', language: 'fr' as const }] };
const EMPLOYEE = { holderKey: '10B0057881/7', structure: '10B0057881', actor: 'administrator:a' };
const of = (ownerKind: Contact['ownerKind'], ownerKey: string, role: Contact['role'], name: string): Contact => ({
  ...{ ownerKind, ownerKey, role, id: name, language: 'fr', email: `${name}@example.fr` },
});
const HOLDER = of('holder', '10B0057881/7', 'owner', 'holder');
const STRUCTURE = of('structure', '10B0057881', 'owner', 'structure');
const FALLBACK = of('structure', '10B0057881', 'fallback', 'fallback');
const [A, B] = [of('administrator', 'a', 'technical', 'a'), of('administrator', 'b', 'technical', 'b')];

function choose(contacts: readonly Contact[], acting: readonly string[] = ['a', 'b'], certificate = EMPLOYEE) {
  const administrators = new Map([['10B0057881', acting]]);
  const { reached, recipients } = chooseRecipients(certificate, { contacts, administrators }, POLICY);
  return [reached, ...recipients.map(({ email }) => email.split('@')[0])];
}

describe('who is written to', () => {
  it.each([
    ['the holder and who ordered', [HOLDER, STRUCTURE, FALLBACK, A, B], [true, 'holder', 'a']],
    ['the structure for a holder without an address', [STRUCTURE, FALLBACK, A, B], [true, 'structure', 'a']],
    ['who ordered alone', [FALLBACK, A, B], [true, 'a']],
    ['fallback and operators when nobody else has one', [FALLBACK], [false, 'fallback', 'ops']],
    ['the operators when nobody has one', [], [false, 'ops']],
    ['nobody of another structure', [of('structure', '10B0000000', 'owner', 'other')], [false, 'ops']],
  ] as const)('%s', (_, contacts, expected) => {
    expect(choose(contacts)).toEqual(expected);
  });

  it('all administrators once the one who ordered acts for the structure no longer', () => {
    expect(choose([A, B], ['b'])).toEqual([true, 'b']);
  });

  it('each address once', () => {
    expect(choose([HOLDER, { ...A, email: HOLDER.email }])).toEqual([true, 'holder']);
  });
});
