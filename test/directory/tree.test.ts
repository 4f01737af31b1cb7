// Where entries stand and what is in them, without a server.

import { describe, expect, it } from 'vitest';
import { keyAt } from '../../src/directory/compare.ts';
import { formatKey, keyOfHolder, parseKey } from '../../src/directory/entry-key.ts';
import { authorityEntry, dnOf, formatDn } from '../../src/directory/tree.ts';
import { ldapUrl } from '../../src/policy/hierarchy.ts';
import { formatName } from '../../src/x509/names.ts';
import { OID } from '../../src/x509/oids.ts';
import { policies } from '../policy/policies.ts';

const { hierarchy } = policies;
const STRUCTURE = '318751275100020';

describe('the entry of an authority', () => {
  it.each(hierarchy.authorities.map(({ id }) => id))('%s stands where the URLs in certificates say', (id) => {
    const url = new URL(ldapUrl(hierarchy, id, 'certificateRevocationList'));
    const { dn } = authorityEntry(hierarchy, id, { certificate: Uint8Array.of(1), list: undefined });
    expect(formatDn(dn).toLowerCase()).toBe(decodeURIComponent(url.pathname.slice(1)).toLowerCase());
  });
});

describe('the key of an entry', () => {
  it.each([
    ['CN=www.exemple.fr,OU=3,O=X,C=FR', 'www.exemple.fr'],
    ['CN=A\\, b \\"c\\"\\+\\\\,OU=3', 'a, b "c"+\\'],
    ['CN=\\#1,OU=3', '#1'],
    ['CN=\\c3\\a9t\\c3\\a9,OU=3', 'été'],
    ['CN=ÉTÉ,OU=3', 'été'],
  ])('of %s has the name %s', (subject, name) => {
    const row = { profile: 'org-auth-cli', holderKey: STRUCTURE, subject };
    const key = keyOfHolder('structure', row);
    expect(key).toEqual({ kind: 'service', structure: STRUCTURE, name });
    expect(parseKey(formatKey(key))).toEqual(key);
  });

  it('is read back from where its entry stands, however the server writes it', () => {
    for (const name of ['a, b "c"+\\', '#x', ' y '.trim(), 'cn=z', 'été']) {
      const key = { kind: 'service', structure: STRUCTURE, name } as const;
      expect(keyAt(hierarchy, formatDn(dnOf(hierarchy, key)))).toEqual(key);
    }
    const base = formatName(dnOf(hierarchy, { kind: 'person', id: 'x' }).slice(0, -1));
    expect(keyAt(hierarchy, `cn=30B\\2F1\\2CX,${base}`)).toEqual({ kind: 'person', id: '30B/1,X' });
    expect(keyAt(hierarchy, base)).toBeUndefined();
  });

  it('is of nobody where a subject has no common name, and a NUL is in no DN', () => {
    const row = { profile: 'org-auth-cli', holderKey: STRUCTURE, subject: 'OU=3,C=FR' };
    expect(() => keyOfHolder('structure', row)).toThrow(TypeError);
    expect(() => formatDn([[{ type: OID.commonName, value: 'a\0b', string: 'utf8' }]])).toThrow(TypeError);
    expect(() => parseKey('["x","y"]')).toThrow(TypeError);
  });
});
