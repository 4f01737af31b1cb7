// The to-be-signed structure of one certificate of each profile, element by element, as openssl's asn1parse reads it, from fixed
// keys, a fixed serial and a fixed moment. A change of policy or of an encoding shows as a change of a file here; `-u` rewrites
// them, and in CI they are only read.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { authorityFields } from '../../src/policy/authority.ts';
import { decide } from '../../src/policy/decide.ts';
import { caOf } from '../../src/policy/hierarchy.ts';
import type { Holder } from '../../src/policy/holder.ts';
import { signatureAlgorithmFor } from '../../src/x509/algorithms.ts';
import { assembleSigned, buildTbsCertificate, type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import type { Expectation } from '../policies/expectation.ts';
import { CARDS } from '../policies/expectations-cards.ts';
import { PERSONS } from '../policies/expectations-persons.ts';
import { STRUCTURES } from '../policies/expectations-structures.ts';
import { CREATED, NOW, openssl, SERIAL } from '../policy/branch.ts';
import { policies, profileOf } from '../policy/policies.ts';
import { FIXED_KEYS } from './keys.ts';

const EXPECTATIONS = [...STRUCTURES, ...PERSONS, ...CARDS];

/** An authority with a fixed key. Nobody verifies it here, so that its signature is an empty one. */
function fixedAuthority(id: string): Certificate {
  const { hierarchy } = policies;
  const authority = caOf(hierarchy, id);
  const issuer = authority.kind === 'root' ? {} : { issuer: fixedAuthority(authority.issuer) };
  const spki = FIXED_KEYS[authority.kind];
  const fields = authorityFields({ hierarchy, authority, serial: SERIAL, now: CREATED, spki, ...issuer });
  return parseCertificate(assembleSigned(buildTbsCertificate(fields), fields.signatureAlgorithm, new Uint8Array()));
}

function structureOf({ profile: name, issuer, holder, names = {} }: Expectation, spki: Uint8Array): Uint8Array {
  const certificate = fixedAuthority(issuer);
  const algorithm = signatureAlgorithmFor(certificate.spki);
  const ca = { id: issuer, certificate, keyId: keyIdentifier(certificate.spki), algorithm };
  const context = { profile: profileOf(name), hierarchy: policies.hierarchy, issuer: ca, serial: SERIAL, now: NOW };
  return decide({ spki, holder: holder as Holder, names }, context).tbs;
}

/** openssl's lines without its offsets, in which one octet more would change every line after it. */
const linesOf = (der: Uint8Array): string =>
  openssl(['asn1parse', '-inform', 'DER', '-i'], der)
    .toString()
    .replace(/^ *\d+:d=/gm, 'd=')
    .replace(/ +$/gm, '');

describe('the structure of a certificate is the one that is kept', () => {
  it.each(EXPECTATIONS.map((expectation) => [expectation.profile, expectation] as const))(
    'of %s',
    async (profile, expectation) => {
      const { rsa, ec } = profileOf(profile).keys;
      const forms = [
        ...(rsa === undefined ? [] : [['RSA-2048', FIXED_KEYS.rsa] as const]),
        ...(ec === undefined ? [] : [['P-256', FIXED_KEYS.ec] as const]),
      ];
      const text = forms.map(([key, spki]) => `# ${profile}, ${key}\n${linesOf(structureOf(expectation, spki))}`);
      await expect(text.join('\n')).toMatchFileSnapshot(`${profile}.asn1`);
    },
  );

  it('for every profile, and no other', () => {
    const kept = readdirSync(join(import.meta.dirname)).filter((name) => name.endsWith('.asn1'));
    expect(kept.sort()).toEqual([...policies.profiles.keys()].map((name) => `${name}.asn1`).sort());
  });
});
