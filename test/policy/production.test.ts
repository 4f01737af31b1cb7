import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { caName, caOf, certificateUrl, chainUrl, crlUrl, ldapUrl, policyOidOf } from '../../src/policy/hierarchy.ts';
import { loadPolicies, type Policies } from '../../src/policy/load.ts';
import { formatName } from '../../src/x509/names.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { POLICIES_DIRECTORY, policies } from './policies.ts';
import { copyPolicies, type PoliciesCopy } from './policies-copy.ts';

const FILE = 'hierarchy/production.yaml';
const KNOWN = ['org-auth-cli', 'org-sign', 'serv-ssl'];
const missing = [...policies.profiles.keys()].filter((name) => !KNOWN.includes(name));

let copy: PoliciesCopy;
beforeEach(() => {
  copy = copyPolicies();
});
afterEach(() => copy.remove());

/** What a deployment would do; 2.999 is the arc for examples. */
function stated(): Policies {
  missing.forEach((name, index) => {
    copy.set(FILE, `/policyOids/${name}`, `2.999.${index}`);
  });
  return loadPolicies(copy.directory, 'production');
}

describe('the production branch', () => {
  it('does not start as it is: every policy OID that is not publicly known is named', () => {
    const { code, findings } = refusalOf(() => loadPolicies(POLICIES_DIRECTORY, 'production'));
    expect(code).toBe('configuration_invalid');
    expect(findings.map(({ at }) => at).sort()).toEqual(missing.map((name) => `${FILE}#/policyOids/${name}`).sort());
    for (const { remedy } of findings) expect(remedy).toContain('certification policy');
  });

  it.each([null, undefined])('does not start with all but one, be it %s', (value) => {
    stated();
    copy.set(FILE, '/policyOids/ps-sign', value);
    const { findings } = refusalOf(() => loadPolicies(copy.directory, 'production'));
    expect(findings.map(({ at, detail }) => [at, detail])).toEqual([
      [`${FILE}#/policyOids/ps-sign`, 'no policy OID is stated for ps-sign'],
    ]);
  });

  it('does not take one policy for every profile, nor one for two, nor one for a profile that nobody issues', () => {
    stated();
    copy.set(FILE, '/policyOids/ps-sign', '2.999.0');
    copy.set(FILE, '/policyOids/ps-seal', '2.999.100');
    expect(refusalOf(() => loadPolicies(copy.directory, 'production')).findings.map(({ detail }) => detail)).toEqual([
      'no authority issues this profile',
      'this stands twice',
    ]);
    copy.set(FILE, '/policyOids', { every: '2.999.0' });
    expect(refusalOf(() => loadPolicies(copy.directory, 'production')).findings[0]?.detail).toBe(
      'one policy for every profile is for a test branch',
    );
  });

  it('starts once all are stated, and each certificate has its own', () => {
    const { hierarchy, profiles } = stated();
    expect(profiles.size).toBe(policies.profiles.size);
    expect(KNOWN.map((name) => policyOidOf(hierarchy, name))).toEqual([
      '1.2.250.1.213.1.7.1.1.2.4.1',
      '1.2.250.1.213.1.7.1.1.2.3.1',
      '1.2.250.1.213.1.7.1.1.2.5.1',
    ]);
    expect(policyOidOf(hierarchy, 'cda-auth')).toBe('2.999.0');
    expect(() => policyOidOf(hierarchy, 'ps-seal')).toThrow(TypeError);
  });

  it('has the names, files and product categories of the certificates in use', () => {
    const { hierarchy } = stated();
    expect(hierarchy.authorities.map(({ id, issuer, commonName }) => [id, issuer, commonName])).toEqual([
      ['ACR-FO', 'ACR-FO', 'AC RACINE IGC-SANTE FORT'],
      ['ACI-FO-ORG', 'ACR-FO', 'AC IGC-SANTE FORT ORGANISATIONS'],
      ['ACI-FO-PP', 'ACR-FO', 'AC IGC-SANTE FORT PERSONNES'],
      ['ACR-ST', 'ACR-ST', 'AC RACINE IGC-SANTE STANDARD'],
      ['ACI-ST-ORG', 'ACR-ST', 'AC IGC-SANTE STANDARD ORGANISATIONS'],
      ['ACI-ST-PP', 'ACR-ST', 'AC IGC-SANTE STANDARD PERSONNES'],
      ['ACR-EL', 'ACR-EL', 'AC RACINE IGC-SANTE ELEMENTAIRE'],
      ['ACI-EL-ORG', 'ACR-EL', 'AC IGC-SANTE ELEMENTAIRE ORGANISATIONS'],
      ['ACI-EL-PP', 'ACR-EL', 'AC IGC-SANTE ELEMENTAIRE PERSONNES'],
    ]);
    expect(formatName(caName(hierarchy, caOf(hierarchy, 'ACI-EL-ORG')))).toBe(
      'CN=AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE,OU=0002 187512751,O=ASIP-SANTE,C=FR',
    );
    expect(hierarchy.productCategories).toEqual({ card: '00', software: '03' });
    expect(hierarchy.urls.cps).toBe('http://igc-sante.esante.gouv.fr/PC');
    expect(hierarchy.urls.ocsp).toBe('http://ocsp.esante.gouv.fr');
    expect(crlUrl(hierarchy, 'ACR-EL')).toBe('http://igc-sante.esante.gouv.fr/CRL/ACR-EL.crl');
    expect(crlUrl(hierarchy, 'ACI-EL-ORG')).toBe('http://igc-sante.esante.gouv.fr/CRL/ACI-EL-ORG.crl');
    expect(certificateUrl(hierarchy, 'ACI-EL-ORG')).toBe('http://igc-sante.esante.gouv.fr/AC/ACI-EL-ORG.cer');
    expect(chainUrl(hierarchy)).toBe('http://igc-sante.esante.gouv.fr/AC/Chaine_de_certification-IGC-Sante.p7b');
    expect(ldapUrl(hierarchy, 'ACI-EL-ORG', 'deltaRevocationList')).toBe(
      'ldap://annuaire-igc.esante.gouv.fr/cn=AC%20IGC-SANTE%20ELEMENTAIRE%20ORGANISATIONS,ou=AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE,ou=IGC-SANTE,ou=0002%20187512751,o=ASIP-SANTE,c=FR?deltarevocationlist;binary?base?objectClass=pkiCA',
    );
    expect(ldapUrl(hierarchy, 'ACR-EL', 'certificateRevocationList')).toBe(
      'ldap://annuaire-igc.esante.gouv.fr/CN=AC%20RACINE%20IGC-SANTE%20ELEMENTAIRE,OU=IGC-SANTE,OU=0002%20187512751,O=ASIP-SANTE,C=FR?certificaterevocationlist;binary?base?objectclass=pkiCa',
    );
  });

  it('issues the same profiles as the test branch, by the authorities of the same names', () => {
    const issued = (branch: string) =>
      parse(readFileSync(join(POLICIES_DIRECTORY, `hierarchy/${branch}.yaml`), 'utf8')).intermediates.map(
        ({ id, issues }: { id: string; issues: string[] }) => [id.replace(/-TEST$/, ''), issues],
      );
    expect(issued('production')).toEqual(issued('test'));
  });

  it('admits no identifier of the test registers', () => {
    expect(stated().hierarchy.test).toBe(false);
  });
});
