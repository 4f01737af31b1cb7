// Every profile that an operator may have issued, through decision, lint, database and the signer's own judgement of its purpose.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareService, type Service, until } from '../helpers/service.ts';
import { policies } from '../policy/policies.ts';
import { judge } from '../x509/judges.ts';
import { type Ran, runHere } from './run-igc.ts';

const ANS = '318751275100020';
const HOSPITAL = '10B0057881';

let service: Service;
const igc = (...args: string[]): Promise<Ran> => runHere(service.environment, ...args);
const file = (name: string): string => join(service.directory, name);

beforeAll(async () => {
  service = await prepareService();
  await service.igc('hierarchy', 'create');
  service.start('signer issuing');
  await until(async () =>
    (await igc('doctor', '--json')).json().some(({ check, state }) => check === 'issuing signer' && state === 'ok'),
  );
  for (const [id, name] of [
    [ANS, 'AGENCE DU NUMERIQUE EN SANTE'],
    [HOSPITAL, 'HOPITAL GENERIQUE TEST'],
  ] as const) {
    expect(await igc('structure', 'add', '--id', id, '--name', name, '--department', '75')).toMatchObject({ code: 0 });
  }
}, 300_000);
afterAll(() => service.stop());

const options = (text: string): string[] => text.split(' ');
const PROFESSIONAL = options('--id-nat-ps 899700075064 --family-name DURAND --given-name ANNE --profession 10');
const EMPLOYEE = options(`--structure ${HOSPITAL} --registry-number CPET0002 --family-name MARTIN --given-name PAUL`);
const CARD = ['--card-number', '8025000001/2800636234'];
const EMAIL = ['--email', 'anne.durand@demo.igc-sante.fr'];
const EC = ['--key-type', 'p-384'];

const ISSUED: [profile: string, holder: string, args: string[]][] = [
  ['org-auth-cli', ANS, ['--structure', ANS, '--common-name', 'INSI-AUTO', ...EC]],
  ['org-sign', ANS, ['--structure', ANS, '--common-name', 'sceau du DMP', ...EC]],
  ['org-conf', ANS, ['--structure', ANS, '--common-name', 'dépôt']],
  ['serv-ssl', ANS, ['--structure', ANS, '--dns', 'a.demo.igc-sante.fr', ...EC]],
  ['serv-sign', ANS, ['--structure', ANS, '--dns', 'a.demo.igc-sante.fr', '--key-type', 'rsa-3072']],
  ['serv-conf', ANS, ['--structure', ANS, '--dns', 'a.demo.igc-sante.fr']],
  ['serv-smime', ANS, ['--structure', ANS, '--mailbox', 'Accueil@demo.igc-sante.fr']],
  ['pro-auth', '30B0057881/CPET0002', [...EMPLOYEE, ...EC]],
  ['pro-sign', '30B0057881/CPET0002', [...EMPLOYEE, ...EMAIL, '--key-type', 'p-256']],
  ['pro-conf', '30B0057881/CPET0002', [...EMPLOYEE, ...EMAIL]],
  ['ps-auth', '899700075064', [...PROFESSIONAL, ...EC]],
  ['ps-sign', '899700075064', [...PROFESSIONAL, ...EMAIL, ...EC]],
  ['ps-conf', '899700075064', [...PROFESSIONAL, ...EMAIL]],
  ['cps-auth', '899700075064', [...PROFESSIONAL, ...CARD]],
  ['cps-sign', '899700075064', [...PROFESSIONAL, ...CARD]],
  ['cpf-auth', '899700075064', [...PROFESSIONAL, ...CARD]],
  ['cpe-auth', '30B0057881/CPET0002', [...EMPLOYEE, ...CARD]],
  ['cpe-sign', '30B0057881/CPET0002', [...EMPLOYEE, ...CARD]],
  ['cde-auth', '30B0057881/CPET0002', [...EMPLOYEE, ...CARD]],
  ['cda-auth', '30B0057881/CPET0002', [...EMPLOYEE, ...CARD]],
  ['cpa-auth', '30B0057881/CPET0002', [...EMPLOYEE, ...CARD]],
];

describe('igc certificate issue', () => {
  test('has an example of every profile but the service’s own', () => {
    const issuable = [...policies.profiles.values()].filter(({ issuedBy }) => issuedBy !== 'system');
    expect(ISSUED.map(([profile]) => profile).sort()).toEqual(issuable.map(({ name }) => name).sort());
  });

  test.each(ISSUED)('issues %s, which openssl verifies', async (profile, holder, args) => {
    const issued = await igc('certificate', 'issue', profile, ...args, '--new-key', file(`${profile}.key`), '--json');
    expect(issued).toMatchObject({ code: 0 });
    const [document] = issued.json();
    expect(document).toMatchObject({ profile, holder, state: 'issued' });
    const [leaf = '', intermediate = '', root = ''] = [document?.certificate, document?.chain].flat().map(String);
    const files = { 'leaf.pem': leaf, 'intermediate.pem': intermediate, 'root.pem': root };
    const verify = 'verify -x509_strict -CAfile root.pem -untrusted intermediate.pem leaf.pem';
    expect(judge('openssl', files, ...options(verify))).toBe('leaf.pem: OK\n');
  });

  test.each<[string, string[], RegExp]>([
    ['ps-sign', PROFESSIONAL, /needs --email/],
    ['ps-auth', [...PROFESSIONAL, ...EMAIL], /does not take --email/],
    ['ps-auth', [...PROFESSIONAL, ...CARD], /does not take --card-number/],
    ['pro-conf', EMPLOYEE, /needs --email/],
    ['cda-auth', EMPLOYEE, /needs --card-number/],
    ['org-sign', ['--structure', ANS, ...EMAIL], /does not take --email/],
  ])('of %s says which options its holder has: %#', async (profile, args, said) => {
    const refused = await igc('certificate', 'issue', profile, ...args, '--new-key', file('no.key'));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(said) });
  });
});

describe('igc administrator add', () => {
  const add = (issuer: string, profile: string, person: string) =>
    igc(
      'administrator',
      'add',
      '--issuing-ca',
      issuer,
      '--card-profile',
      profile,
      '--national-id',
      person,
      '--structure',
      ANS,
    );

  test.each([
    ['ACI-ST-PP-TEST', 'cde-auth', '30B0057881/CPET0002'],
    ['ACI-ST-PP-TEST', 'cda-auth', '30B0057881/CPET0002'],
    ['ACI-ST-PP-TEST', 'cpa-auth', '30B0057881/CPET0002'],
    ['ACI-FO-PP-TEST', 'cps-auth', '899700075064'],
  ])('takes the card %s %s as a login', async (...card) => {
    expect(await add(...card)).toMatchObject({ code: 0 });
  });

  test.each([
    ['ACI-EL-PP-TEST', 'pro-auth', '30B0057881/CPET0002'],
    ['ACI-EL-PP-TEST', 'ps-auth', '899700075064'],
    ['ACI-FO-PP-TEST', 'cps-sign', '899700075064'],
    ['ACI-ST-PP-TEST', 'cpe-sign', '30B0057881/CPET0002'],
  ])('takes neither software nor a signature for one: %s %s', async (...card) => {
    expect(await add(...card)).toMatchObject({ code: 3 });
  });
});
