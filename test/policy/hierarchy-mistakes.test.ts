import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyPolicies, type PoliciesCopy } from './policies-copy.ts';

let copy: PoliciesCopy;
beforeEach(() => {
  copy = copyPolicies();
});
afterEach(() => copy.remove());

const FILE = 'hierarchy/test.yaml';
type Mistake = [pointer: string, value: unknown, detail: string, at?: string];

describe('a hierarchy is refused', () => {
  it.each<Mistake>([
    ['/surprise', 1, 'this key is unknown'],
    ['/name', 'RECETTE', 'the name is that of the file without .yaml'],
    ['/urls/ocsp', undefined, 'must have required properties ocsp', '/urls'],
    ['/urls/public', 'http://igc.demo.igc-sante.fr/', 'must match pattern'],
    ['/urls/ocsp', 'https://ocsp.exemple.fr', 'must match pattern'],
    ['/urls/ldap', 'ldap://annuaire.exemple.fr/c=FR', 'must match pattern'],
    ['/apiHost', 'localhost', 'must match pattern'],
    ['/chainPath', '/AC TEST/chaine.p7b', 'must match pattern'],
    ['/chainPath', '/AC%2/chaine.p7b', 'percent signs are followed by two capital hexadecimal digits'],
    ['/roots/0/paths/crl', '/CRL/../x.crl', 'no segment is a dot'],
    ['/key/bits', 1024, 'one of the allowed values: 2048, 3072, 4096'],
    ['/validity/years', 21, 'must be <= 20'],
    ['/validity/intermediateEndsDaysEarlier', 0, 'must be >= 1'],
    ['/policyOids/every', '1.2.x', 'must match pattern'],
    ['/policyOids', {}, 'must not have fewer than 1 properties'],
    ['/policyOids/every', null, 'the policy is not stated'],
    ['/policyOids/org-sign', '1.2.3', 'every stands alone', '/policyOids'],
    ['/policyOids', { 'org-sign': '1.2.3' }, 'no policy OID is stated for org-conf', '/policyOids/org-conf'],
    ['/policyOids', { 'org-sign': '1.2.3', 'org-conf': '1.2.3' }, 'this stands twice', '/policyOids/org-conf'],
    ['/policyOids', { nobody: '1.2.3' }, 'no authority issues this profile', '/policyOids/nobody'],
    ['/baseName/0', { countryName: 'FR', organizationName: 'X' }, 'must not have more than 1 properties'],
    ['/intermediates/1/id', 'ACI-FO-ORG-TEST', 'this stands twice'],
    ['/intermediates/1/commonName', 'TEST AC IGC-SANTE FORT ORGANISATIONS', 'this stands twice'],
    ['/intermediates/1/paths/crl', '/CRL/ACI-FO-ORG-TEST.crl', 'this stands twice'],
    ['/roots/0/id', 'ACR-FO', 'the id ends with -TEST'],
    ['/roots/0/id', 'ACI-FO-TEST', 'this id begins with ACR-'],
    ['/intermediates/1/issuer', 'ACI-FO-ORG-TEST', 'the issuer is one of the roots'],
    ['/intermediates/1/issuer', 'ACR-XX-TEST', 'the issuer is one of the roots'],
    ['/productCategories/card', '00', 'cards are 80 in a test branch, 00 otherwise'],
    ['/test', false, 'software is 83 in a test branch, 03 otherwise', '/productCategories/software'],
    ['/roots/0/commonName', 'AC RACINE IGC-SANTE FORT', 'the name of a test authority begins with TEST'],
    ['/roots/0/commonName', `TEST ${'A'.repeat(60)}`, 'must not have more than 64 characters'],
    ['/crl/root/validityHours', 720, 'a list outlives the making of the next'],
  ])('where %s is %j', (pointer, value, detail, at = pointer) => {
    copy.set(FILE, pointer, value);
    expect(copy.refused()).toContainEqual([`${FILE}#${at}`, expect.stringContaining(detail)]);
  });
});
