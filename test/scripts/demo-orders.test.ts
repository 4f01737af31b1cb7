// What the demo orders, from the policies alone: whoever adds a profile finds it ordered, or told of by name.

import { describe, expect, it } from 'vitest';
import { ordersFor } from '../../scripts/demo/orders.ts';
import type { Profile } from '../../src/policy/profile.ts';
import { policies, profileOf } from '../policy/policies.ts';

const profiles = [...policies.profiles.values()];
const added = (changes: Partial<Profile>): Profile => ({ ...profileOf('serv-ssl'), name: 'added', ...changes });

describe('what the demo orders', () => {
  it('is each profile that can be ordered, once', () => {
    const orderable = profiles.filter(({ issuedBy }) => issuedBy === 'order').map(({ name }) => name);
    expect(ordersFor(profiles).map(({ profile }) => profile)).toEqual(orderable);
    expect(orderable.length).toBeGreaterThanOrEqual(13);
  });

  it('has one key on P-256 and one on P-384, under profiles that allow them', () => {
    const onCurves = ordersFor(profiles).filter(({ keyType }) => keyType !== 'RSA-2048');
    expect(onCurves.map(({ keyType }) => keyType).sort()).toEqual(['P-256', 'P-384']);
    for (const { profile, keyType } of onCurves) expect(profileOf(profile).keys.ec?.curves).toContain(keyType);
  });

  it('is a profile that was added, with names as its rule asks', () => {
    expect(ordersFor([...profiles, added({})]).at(-1)).toMatchObject({
      profile: 'added',
      body: { names: { commonName: 'added.ch-demonstration.fr' } },
    });
  });

  it('names a mailbox of the holder where the profile certifies one, and nowhere else', () => {
    const persons = ordersFor(profiles).filter(
      ({ body }) => 'employee' in body.holder || 'professional' in body.holder,
    );
    const withMailbox = persons.filter(({ body }) => JSON.stringify(body).includes('"email"'));
    expect(withMailbox.map(({ profile }) => profile)).toEqual(['pro-conf', 'pro-sign', 'ps-conf', 'ps-sign']);
  });

  it('is refused by the name of the profile when its holder is one that the demo does not have', () => {
    expect(() => ordersFor([added({ holder: 'ca' })])).toThrow(/\badded\b/);
  });
});
