import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicies } from '../../src/policy/load.ts';
import { profileSummary } from '../../src/policy/profile.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { policies, profileOf } from './policies.ts';
import { copyPolicies, type PoliciesCopy } from './policies-copy.ts';

let copy: PoliciesCopy;
beforeEach(() => {
  copy = copyPolicies();
});
afterEach(() => copy.remove());

describe('the policies', () => {
  it('are twenty-two profiles, each with the digest of its file and the authorities that issue it', () => {
    const { profiles } = loadPolicies(copy.directory);
    expect([...profiles.keys()]).toEqual([
      ...['cda-auth', 'cde-auth', 'cpa-auth', 'cpe-auth', 'cpe-sign', 'cpf-auth', 'cps-auth', 'cps-sign'],
      ...['ocsp-responder', 'org-auth-cli', 'org-conf', 'org-sign', 'pro-auth', 'pro-conf', 'pro-sign'],
      ...['ps-auth', 'ps-conf', 'ps-sign', 'serv-conf', 'serv-sign', 'serv-smime', 'serv-ssl'],
    ]);
    const orderable = [...profiles.values()].filter(({ issuedBy }) => issuedBy === 'order').map(({ name }) => name);
    expect(orderable).toEqual([
      ...['org-auth-cli', 'org-conf', 'org-sign', 'pro-auth', 'pro-conf', 'pro-sign'],
      ...['ps-auth', 'ps-conf', 'ps-sign', 'serv-conf', 'serv-sign', 'serv-smime', 'serv-ssl'],
    ]);
    const bytes = readFileSync(join(copy.directory, 'profiles/serv-ssl.yaml'));
    expect(profiles.get('serv-ssl')?.digest).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(profiles.get('serv-ssl')?.issuers).toEqual(['ACI-EL-ORG-TEST']);
    expect(profiles.get('ocsp-responder')?.issuers).toHaveLength(6);
  });

  it('cannot be changed once they are loaded', () => {
    expect(() => Object.assign(profileOf('serv-ssl').validity, { years: 10 })).toThrow(TypeError);
    expect(() => Object.assign(policies.hierarchy.urls, { ocsp: 'x' })).toThrow(TypeError);
  });

  it('say of themselves what a caller may know', () => {
    const title = {
      fr: 'CPS, authentification d’un professionnel de santé par sa carte',
      en: 'CPS, authentication of a health professional by card',
    };
    expect(profileSummary(profileOf('cps-auth'))).toEqual({
      name: 'cps-auth',
      title,
      description: title.en,
      issuedBy: 'operator',
      issuer: 'ACI-FO-PP-TEST',
      holder: 'professional',
      validity: { years: 3 },
      keys: { rsa: { sizes: [2048, 3072, 4096] } },
      keyUsage: { rsa: ['digitalSignature'] },
      extendedKeyUsage: ['clientAuth', 'msSmartcardLogin'],
      digest: profileOf('cps-auth').digest,
      subject: [['countryName'], ['title'], ['commonName', 'givenName', 'surname']],
      names: 'none',
    });
    expect(profileSummary(profileOf('ocsp-responder')).issuer).toBe('each-intermediate');
  });

  it('are refused when the branch does not exist', () => {
    const { findings } = refusalOf(() => loadPolicies(copy.directory, 'recette'));
    expect(findings).toEqual([{ rule: 'policies', at: 'hierarchy/recette.yaml', detail: 'cannot be read: ENOENT' }]);
  });

  it('are refused with a file that is no profile beside the profiles', () => {
    writeFileSync(join(copy.directory, 'profiles/serv-ssl.yaml~'), '');
    expect(copy.refused()).toEqual([['profiles/serv-ssl.yaml~', 'not a .yaml file']]);
  });

  it('are refused without any profile', () => {
    for (const name of policies.profiles.keys()) rmSync(join(copy.directory, `profiles/${name}.yaml`));
    expect(copy.refused()).toEqual([['profiles', 'there is no profile']]);
  });

  it('are refused when a profile that the hierarchy names is gone', () => {
    rmSync(join(copy.directory, 'profiles/cps-auth.yaml'));
    const detail = 'ACI-FO-PP-TEST issues cps-auth, and there is no such profile';
    expect(copy.refused()).toEqual([['hierarchy/test.yaml#/intermediates', detail]]);
  });

  it('are refused with every finding of every file at once', () => {
    copy.set('profiles/serv-ssl.yaml', '/holder', 'nobody');
    copy.set('profiles/cps-auth.yaml', '/surprise', 1);
    const places = copy.refused().map(([at]) => at);
    expect(places).toEqual(['profiles/cps-auth.yaml#/surprise', 'profiles/serv-ssl.yaml#/holder']);
  });
});

describe('a policy file', () => {
  const path = () => join(copy.directory, 'profiles/serv-ssl.yaml');
  const refusedAs = (content: string | Uint8Array) => {
    writeFileSync(path(), content);
    const findings = copy.refused();
    for (const [at] of findings) expect(at).toMatch(/^profiles\/serv-ssl\.yaml#/);
    return findings.length;
  };

  it.each<[string, (text: string) => string]>([
    ['a key that stands twice', (text) => `${text}issuer: ACI-EL-ORG\n`],
    ['an alias', (text) => text.replace('issuer: ACI', 'issuer: &a ACI').replace('holder: structure', 'holder: *a')],
    ['a tag', (text) => text.replace('name: serv-ssl', 'name: !!js/function serv-ssl')],
    ['a second document', (text) => `${text}---\nname: other\n`],
    ['a bracket left open', (text) => text.replace('[serverAuth, clientAuth]', '[serverAuth, clientAuth')],
    ['nothing in it', () => ''],
    ['a list', () => '- serv-ssl\n'],
  ])('is refused with %s', (_, change) => {
    expect(refusedAs(change(readFileSync(path(), 'utf8')))).toBeGreaterThan(0);
  });

  it('is refused with octets that are not UTF-8', () => {
    expect(refusedAs(Buffer.from('name: serv\xff-ssl', 'latin1'))).toBe(1);
  });
});
