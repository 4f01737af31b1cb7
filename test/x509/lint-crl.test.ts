import { describe, expect, it } from 'vitest';
import { signatureAlgorithmIdentifier } from '../../src/x509/algorithms.ts';
import { buildTbsCertList, type CrlEntry } from '../../src/x509/crl.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { authorityKeyIdentifier, cRLNumber } from '../../src/x509/extensions.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { type ExpectedCertList, lintCertList } from '../../src/x509/lint-crl.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { at, CA_UNTIL, FROM, hex, newBranch, SERIAL } from './branch.ts';

const { root, ca, server } = newBranch('P-256');
const ENTRIES: CrlEntry[] = [SERIAL, hex('02')].map((serial) => ({ serial, revokedAt: FROM }));
const FIELDS = {
  signatureAlgorithm: ca.key.algorithm,
  issuer: ca.certificate.subject,
  thisUpdate: FROM,
  nextUpdate: at('2026-03-22T09:44:50'),
  entries: ENTRIES,
  extensions: [authorityKeyIdentifier(keyIdentifier(ca.key.spki)), cRLNumber(8n)],
};
const EXPECTED: ExpectedCertList = { issuer: ca.certificate, number: 8n, previousNumber: 7n, required: [SERIAL] };
const [AKI, NUMBER] = FIELDS.extensions as [
  (typeof FIELDS.extensions)[0] & object,
  (typeof FIELDS.extensions)[0] & object,
];

describe('a CRL that is what was decided', () => {
  it('becomes signable, with entries and without', () => {
    const tbs = buildTbsCertList(FIELDS);
    expect(lintCertList(tbs, EXPECTED)).toMatchObject({ kind: 'crl', tbs });
    const first = { issuer: ca.certificate, number: 8n };
    expect(lintCertList(buildTbsCertList({ ...FIELDS, entries: [] }), first).kind).toBe('crl');
  });
});

describe('a CRL is not signable, by this rule,', () => {
  const list = (change: Partial<typeof FIELDS>): Uint8Array => buildTbsCertList({ ...FIELDS, ...change });

  it.each([
    ['§5.1 CRL Fields', 'one that cannot be read', sequence(), {}],
    [
      '§5.1 CRL Fields',
      'one with an entry of serial zero',
      list({ entries: [{ serial: hex('00'), revokedAt: FROM }] }),
      {},
    ],
    [
      '§5.1.2.2 Signature',
      'one with another algorithm',
      list({ signatureAlgorithm: signatureAlgorithmIdentifier('ecdsa-with-SHA384') }),
      {},
    ],
    ['§5.1.2.3 Issuer Name', 'one of another issuer', list({ issuer: root.certificate.subject }), {}],
    ['§5.1.2.3 Issuer Name', 'one of an issuer without cRLSign', list({}), { issuer: server.certificate }],
    ['§5.1.2.5 Next Update', 'one that is stale at once', list({ nextUpdate: FROM }), {}],
    [
      '§5.1.2.5 Next Update',
      'one after the end of the CA',
      list({ thisUpdate: new Date(CA_UNTIL.getTime() + 1000), nextUpdate: new Date(CA_UNTIL.getTime() + 2000) }),
      {},
    ],
    ['§5.1.2.6 Revoked Certificates', 'one that lacks an entry', list({ entries: ENTRIES.slice(1) }), {}],
    ['§5.2 CRL Extensions', 'one with extensions in another order', list({ extensions: [NUMBER, AKI] }), {}],
    [
      '§5.2 CRL Extensions',
      'one with a critical number',
      list({ extensions: [AKI, { ...NUMBER, critical: true }] }),
      {},
    ],
    [
      '§5.2 CRL Extensions',
      'one that is a delta',
      list({ extensions: [AKI, NUMBER, { oid: '2.5.29.27', critical: true, value: hex('020107') }] }),
      {},
    ],
    [
      '§5.2.1 Authority Key Identifier',
      "one with another CA's key identifier",
      list({ extensions: [authorityKeyIdentifier(keyIdentifier(root.key.spki)), NUMBER] }),
      {},
    ],
    ['§5.2.1 Authority Key Identifier', 'one without a key identifier', list({ extensions: [NUMBER] }), {}],
    ['§5.2.3 CRL Number', 'one without a number', list({ extensions: [AKI] }), {}],
    ['§5.2.3 CRL Number', 'one with another number', list({ extensions: [AKI, cRLNumber(9n)] }), {}],
    ['§5.2.3 CRL Number', 'one whose number does not increase', list({}), { previousNumber: 8n }],
    [
      '§5.2.3 CRL Number',
      'one with a number of 21 octets',
      list({ extensions: [AKI, cRLNumber(1n << 159n)] }),
      { number: 1n << 159n },
    ],
  ] satisfies [string, string, Uint8Array, Partial<ExpectedCertList>][])(
    'RFC 5280 %s: %s',
    (rule, _, tbs, expected) => {
      const { code, findings } = refusalOf(() => lintCertList(tbs, { ...EXPECTED, ...expected }));
      expect(code).toBe('lint_failed');
      expect(findings.map((finding) => finding.rule)).toContain(`RFC 5280 ${rule}`);
      expect(findings.every(({ remedy }) => remedy !== undefined)).toBe(true);
    },
  );
});
