import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOrderable, decide, type IssuanceContext, type IssuanceRequest } from '../../src/policy/decide.ts';
import type { Holder } from '../../src/policy/holder.ts';
import { buildSignable } from '../../src/policy/plan.ts';
import { issuerOf } from '../../src/policy/profile.ts';
import { buildTbsCertificate, extensionOf } from '../../src/x509/certificate.ts';
import { type CertificationRequest, parseCsr } from '../../src/x509/csr.ts';
import { readSubjectAltName } from '../../src/x509/extension-values.ts';
import { OID } from '../../src/x509/oids.ts';
import { refusalOf } from '../helpers/refusal.ts';
import {
  CREATED,
  ecPair,
  issuingCa,
  issuingKey,
  type KeyPair,
  NOW,
  openssl,
  pemOf,
  rsaPair,
  SERIAL,
} from './branch.ts';
import { policies, profileOf } from './policies.ts';

const structure: Holder = {
  kind: 'structure',
  structIdNat: '318751275100020',
  name: 'AGENCE DU NUMERIQUE EN SANTE',
  department: '75',
};
const issuer = issuingCa('ACI-EL-ORG-TEST');
const rsa = rsaPair();
const ec = ecPair('P-384');
const rsa3072 = rsaPair(3072);

const contextOf = (profile: string, change: Partial<IssuanceContext> = {}): IssuanceContext => ({
  profile: profileOf(profile),
  hierarchy: policies.hierarchy,
  issuer,
  serial: SERIAL,
  now: NOW,
  ...change,
});

const HOST = 'api.demo.igc-sante.fr';
const order = (change: Partial<IssuanceRequest> = {}): IssuanceRequest => ({
  spki: rsa.spki,
  holder: structure,
  names: { commonName: HOST },
  ...change,
});

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'igc-decide-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A request as openssl makes it. */
function csrOf(pair: KeyPair, subject: string, ...extensions: string[]): CertificationRequest {
  const key = join(directory, 'key.pem');
  writeFileSync(key, pemOf(pair));
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  const config = ['-config', '/dev/null', '-utf8'];
  return parseCsr(openssl(['req', '-new', '-key', key, '-subj', subject, '-outform', 'DER', ...config, ...added]));
}

describe('who may have a certificate', () => {
  it.each(['serv-ssl', 'org-auth-cli'])('of %s made: administrators and operators', (profile) => {
    checkOrderable(profileOf(profile), 'administrator');
    checkOrderable(profileOf(profile), 'operator');
    expect(refusalOf(() => checkOrderable(profileOf(profile), 'system')).code).toBe('profile_not_orderable');
  });

  it.each([
    ...['org-sign', 'org-conf', 'serv-smime', 'serv-sign', 'serv-conf'],
    ...['pro-auth', 'pro-sign', 'pro-conf', 'ps-auth', 'ps-sign', 'ps-conf'],
  ])('of %s made: administrators and operators, nobody else', (profile) => {
    for (const actor of ['administrator', 'operator'] as const) checkOrderable(profileOf(profile), actor);
    expect(refusalOf(() => checkOrderable(profileOf(profile), 'system')).code).toBe('profile_not_orderable');
  });

  it.each([...['cps-auth', 'cpe-auth', 'cps-sign', 'cpe-sign'], ...['cde-auth', 'cda-auth', 'cpa-auth', 'cpf-auth']])(
    'of %s made: operators alone',
    (profile) => {
      checkOrderable(profileOf(profile), 'operator');
      for (const actor of ['administrator', 'system'] as const) {
        expect(refusalOf(() => checkOrderable(profileOf(profile), actor)).code).toBe('profile_not_orderable');
      }
    },
  );

  it('of ocsp-responder made: the system alone', () => {
    checkOrderable(profileOf('ocsp-responder'), 'system');
    for (const actor of ['administrator', 'operator'] as const) {
      expect(refusalOf(() => checkOrderable(profileOf('ocsp-responder'), actor)).code).toBe('profile_not_orderable');
    }
  });

  it('is asked of the authority that the profile names, or of the intermediate itself', () => {
    expect(issuerOf(profileOf('serv-ssl'), structure)).toBe('ACI-EL-ORG-TEST');
    expect(issuerOf(profileOf('ocsp-responder'), { kind: 'ca', id: 'ACI-FO-PP-TEST' })).toBe('ACI-FO-PP-TEST');
    for (const holder of [{ kind: 'ca', id: 'ACR-FO-TEST' }, structure] as const) {
      expect(refusalOf(() => issuerOf(profileOf('ocsp-responder'), holder)).code).toBe('holder_invalid');
    }
  });
});

describe('a decision', () => {
  it('is the same for the same request, moment and serial', () => {
    const [one, two] = [decide(order(), contextOf('serv-ssl')), decide(order(), contextOf('serv-ssl'))];
    expect(Buffer.compare(one.tbs, two.tbs)).toBe(0);
    expect(one.holderKey).toBe('318751275100020');
    expect(one.subjectText).toBe(`CN=${HOST},OU=318751275100020,O=AGENCE DU NUMERIQUE EN SANTE,ST=Paris (75),C=FR`);
  });

  it('takes the key and the permitted names of a CSR and nothing else', () => {
    const asked = [
      'subjectAltName=DNS:b.demo.igc-sante.fr,DNS:API.demo.igc-sante.fr',
      'keyUsage=critical,digitalSignature',
    ];
    const csr = csrOf(rsa, `/C=DE/O=PIRATE/OU=1/CN=${HOST}/emailAddress=nom@exemple.fr`, ...asked);
    const plan = decide({ csr, holder: structure }, contextOf('serv-ssl'));
    expect(plan.subjectText).toBe(decide(order(), contextOf('serv-ssl')).subjectText);
    expect(Buffer.compare(plan.fields.spki, rsa.spki)).toBe(0);
    const san = extensionOf(plan.fields, OID.subjectAltName);
    expect(san && readSubjectAltName(san.value)).toEqual([{ dns: HOST }, { dns: 'b.demo.igc-sante.fr' }]);
  });

  it('takes the mailboxes of a CSR that openssl made', () => {
    const asked = 'subjectAltName=email:b@demo.igc-sante.fr,email:Accueil@DEMO.igc-sante.fr';
    const csr = csrOf(rsa, '/CN=Accueil@demo.igc-sante.fr', asked);
    const plan = decide({ csr, holder: structure }, contextOf('serv-smime'));
    const san = extensionOf(plan.fields, OID.subjectAltName);
    expect(san && readSubjectAltName(san.value)).toEqual([
      { rfc822Name: 'Accueil@demo.igc-sante.fr' },
      { rfc822Name: 'b@demo.igc-sante.fr' },
    ]);
    const other = csrOf(rsa, `/CN=${HOST}`, 'subjectAltName=email:b@demo.igc-sante.fr');
    expect(refusalOf(() => decide({ csr: other, holder: structure }, contextOf('serv-ssl'))).code).toBe(
      'name_not_allowed',
    );
  });

  it('begins at the whole second and ends three calendar years later', () => {
    const { notBefore, notAfter } = decide(order(), contextOf('serv-ssl')).fields;
    expect([notBefore.toISOString(), notAfter.toISOString()]).toEqual([
      '2026-11-23T09:30:15.000Z',
      '2029-11-23T09:30:15.000Z',
    ]);
    const leap = decide(
      order({ spki: ec.spki }),
      contextOf('serv-ssl', { now: new Date('2028-02-29T23:59:59.999Z') }),
    ).fields;
    expect([leap.notBefore.toISOString(), leap.notAfter.toISOString()]).toEqual([
      '2028-02-29T23:59:59.000Z',
      '2031-02-28T23:59:59.000Z',
    ]);
  });

  it('may end in the very second in which its issuer ends, and is refused a second later, never cut', () => {
    const last = new Date(issuer.certificate.notAfter);
    last.setUTCFullYear(last.getUTCFullYear() - 3);
    const plan = decide(order({ spki: ec.spki }), contextOf('serv-ssl', { now: last }));
    expect(plan.fields.notAfter.getTime()).toBe(issuer.certificate.notAfter.getTime());
    const after = new Date(last.getTime() + 1000);
    expect(refusalOf(() => decide(order({ spki: ec.spki }), contextOf('serv-ssl', { now: after }))).code).toBe(
      'validity_not_possible',
    );
  });

  it('is refused before its issuer is valid', () => {
    const before = new Date(CREATED.getTime() - 1000);
    expect(refusalOf(() => decide(order(), contextOf('serv-ssl', { now: before }))).code).toBe('validity_not_possible');
  });

  it.each<[string, string, () => IssuanceRequest]>([
    ['key_invalid', 'org-auth-cli', () => order({ spki: ecPair('secp256k1').spki })],
    ['key_reused', 'serv-ssl', () => order({ spki: issuingKey.spki })],
    [
      'name_conflict',
      'serv-ssl',
      () => ({ csr: csrOf(rsa, '/CN=b.demo.igc-sante.fr'), holder: structure, names: { commonName: HOST } }),
    ],
    ['name_not_allowed', 'serv-ssl', () => order({ names: { commonName: '*.demo.igc-sante.fr' } })],
    [
      'name_not_allowed',
      'serv-ssl',
      () => ({ csr: csrOf(rsa, `/CN=${HOST}`, 'subjectAltName=IP:192.0.2.1'), holder: structure }),
    ],
    ['identifier_invalid', 'serv-ssl', () => order({ holder: { ...structure, structIdNat: '318751275100021' } })],
    ['holder_invalid', 'serv-ssl', () => order({ holder: { ...structure, department: '20' } })],
  ])('is refused with %s', (code, profile, request) => {
    expect(refusalOf(() => decide(request(), contextOf(profile))).code).toBe(code);
  });

  it('is refused a key type that the profile has not: EC for a card', () => {
    const holder: Holder = {
      kind: 'professional',
      idNatPs: '899700041983',
      familyName: 'DENTISTE',
      givenName: 'GERALDINE',
      profession: 40,
      card: { number: '8025000001/2500634598' },
    };
    const context = contextOf('cps-auth', { issuer: issuingCa('ACI-FO-PP-TEST') });
    expect(refusalOf(() => decide({ spki: ec.spki, holder }, context)).code).toBe('key_invalid');
  });

  it('is refused an RSA key of 2048 bits from the second on from which it would be valid in 2031', () => {
    const last = new Date('2027-12-31T23:59:59.000Z');
    expect(decide(order(), contextOf('serv-ssl', { now: last })).fields.notAfter).toEqual(
      new Date('2030-12-31T23:59:59.000Z'),
    );
    const now = new Date('2028-01-01T00:00:00.000Z');
    expect(refusalOf(() => decide(order(), contextOf('serv-ssl', { now })))).toMatchObject({
      code: 'key_not_allowed',
      findings: [
        {
          rule: 'RGS B1: RSA of 3072 bits or more after 2030',
          at: 'certificationRequestInfo.subjectPKInfo',
          detail: 'an RSA key of 2048 bits in a certificate that is valid after 31 December 2030',
          remedy: 'use a new key pair: RSA-3072 or longer',
        },
      ],
    });
    for (const { spki } of [rsa3072, ec]) {
      expect(decide(order({ spki }), contextOf('serv-ssl', { now })).fields.notAfter.getUTCFullYear()).toBe(2031);
    }
    const responder = { spki: rsa.spki, holder: { kind: 'ca', id: 'ACI-EL-ORG-TEST' } } as const;
    const late = contextOf('ocsp-responder', { now: new Date('2030-12-05T00:00:00.000Z') });
    expect(refusalOf(() => decide(responder, late)).code).toBe('key_not_allowed');
    expect(decide({ ...responder, spki: rsa3072.spki }, late).key).toEqual({ type: 'rsa', bits: 3072 });
  });

  it('is refused a request that another key signed', () => {
    const csr = { ...csrOf(rsa, `/CN=${HOST}`), spki: rsaPair().spki };
    expect(refusalOf(() => decide({ csr, holder: structure }, contextOf('serv-ssl'))).code).toBe(
      'csr_signature_invalid',
    );
  });

  it('is refused with the worst code and every finding, the worst first', () => {
    const holder = { ...structure, structIdNat: '318751275100021', department: '20', name: 'A\u202e' };
    const { code, findings } = refusalOf(() =>
      decide(order({ holder, names: { commonName: 'a_b.local' } }), contextOf('serv-ssl')),
    );
    expect(code).toBe('name_not_allowed');
    expect(findings.map(({ at }) => at)).toEqual([
      '/names/commonName',
      '/names/commonName',
      '/holder/name',
      '/holder/structIdNat',
      '/holder/department',
    ]);
  });

  it('by an authority that does not issue the profile is a bug', () => {
    const context = contextOf('serv-ssl', { issuer: issuingCa('ACI-EL-PP-TEST') });
    expect(() => decide(order(), context)).toThrow(TypeError);
  });

  it('for the responder of each intermediate names that intermediate', () => {
    for (const { id, kind, commonName } of policies.hierarchy.authorities) {
      if (kind === 'root') continue;
      const context = contextOf('ocsp-responder', { issuer: issuingCa(id) });
      const plan = decide({ spki: rsa.spki, holder: { kind: 'ca', id } }, context);
      expect(plan.subjectText).toBe(`CN=OCSP ${commonName},OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR`);
      expect(plan.holderKey).toBe(id);
    }
  });
});

describe('a plan', () => {
  const seal = (now: Date) =>
    decide(order({ names: { commonName: 'sceau' } }), contextOf('org-sign', { now: new Date(now.getTime() + 1_000) }));

  const plan = decide(order(), contextOf('serv-ssl'));

  it('becomes a Signable of its very bytes', () => {
    const signable = buildSignable(plan, issuer.certificate, policies);
    expect(signable.kind).toBe('certificate');
    expect(Buffer.compare(signable.tbs, plan.tbs)).toBe(0);
  });

  it.each<[string, Partial<typeof plan.fields>]>([
    ['a day more', { notAfter: new Date(plan.fields.notAfter.getTime() + 86_400_000) }],
    [
      'another subject',
      {
        subject: decide(order({ names: { commonName: 'b.demo.igc-sante.fr' } }), contextOf('serv-ssl')).fields.subject,
      },
    ],
    ['another issuer', { issuer: issuingCa('ACI-EL-PP-TEST').certificate.subject }],
    ['an extension less', { extensions: plan.fields.extensions.slice(1) }],
    ['another period of use', { extensions: seal(plan.fields.notBefore).fields.extensions }],
    ['another order of extensions', { extensions: plan.fields.extensions.toReversed() }],
    ['an extension made critical', { extensions: plan.fields.extensions.map((one) => ({ ...one, critical: true })) }],
    ['the extensions of another profile', { extensions: decide(order(), contextOf('org-auth-cli')).fields.extensions }],
  ])('whose bytes say %s than was decided fails its lint', (_, change) => {
    const tbs = buildTbsCertificate({ ...plan.fields, ...change });
    expect(refusalOf(() => buildSignable({ ...plan, tbs }, issuer.certificate, policies)).code).toBe('lint_failed');
  });

  it('made under another version of its profile is a bug', () => {
    expect(() => buildSignable({ ...plan, profileDigest: '00' }, issuer.certificate, policies)).toThrow(TypeError);
    expect(() => buildSignable({ ...plan, profile: 'nobody' }, issuer.certificate, policies)).toThrow(TypeError);
  });
});
