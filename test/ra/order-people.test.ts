// Orders for people: of the staff of a structure, and of professionals who work there; what they get belongs to that structure.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findVisibleCertificate } from '../../src/ra/certificate-view.ts';
import type { AdministratorActor } from '../../src/ra/find-actor.ts';
import { listVisibleCertificates } from '../../src/ra/list-certificates.ts';
import { orderCertificate } from '../../src/ra/order-certificate.ts';
import type { OrderHolder } from '../../src/ra/order-holder.ts';
import type { System } from '../../src/system.ts';
import { AGENCY, DURAND, HOSPITAL, makeAdministrator, newKeyPair, recordStructures } from '../helpers/cast.ts';
import { buildCsr, subject } from '../helpers/csr.ts';
import { prepareService, type Service, untilReady } from '../helpers/service.ts';

let service: Service;
let system: System;
let actor: AdministratorActor;
let stranger: AdministratorActor;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  system = await service.open('api');
  await untilReady(system.issuing);
  await recordStructures(system);
  actor = await makeAdministrator(system, DURAND, [HOSPITAL]);
  stranger = { ...actor, id: '01990000-0000-7000-8000-000000000001', structures: [AGENCY.structIdNat] };
}, 60_000);
afterAll(() => service?.stop());

const structure = HOSPITAL.structIdNat;
const employee = { registryNumber: 'CPET0002', familyName: 'MARTIN', givenName: 'Paul' };
const professional = { idNatPs: DURAND, familyName: 'DURAND', givenName: 'Anne', profession: 10 };

const order = (profile: string, holder: OrderHolder) =>
  orderCertificate(system, { profile, holder, csr: buildCsr({ key: newKeyPair('rsa'), subject: subject() }), actor });

describe('what is ordered for a person', () => {
  it.each([
    ['pro-auth', { structure, employee }, '30B0057881/CPET0002'],
    ['ps-sign', { structure, professional: { ...professional, email: 'anne.durand@exemple.fr' } }, DURAND],
  ])(
    '%s belongs to the structure, whose administrators see it, and nobody else',
    async (profile, holder, identifier) => {
      const issued = await order(profile, holder);
      expect(issued.holder).toEqual({ structure, identifier });
      const query = { filter: { holder: identifier }, limit: 5 };
      expect((await listVisibleCertificates(system, { ...query, actor })).certificates).toMatchObject([
        { id: issued.id },
      ]);
      expect((await listVisibleCertificates(system, { ...query, actor: stranger })).certificates).toEqual([]);
      await expect(findVisibleCertificate(system, { id: issued.id, actor: stranger })).rejects.toMatchObject({
        code: 'not_found',
      });
    },
  );

  it.each<[string, OrderHolder, string]>([
    [
      'ps-auth',
      { structure, professional: { ...professional, familyName: 'NOTDURAND' } },
      '/holder/professional/familyName',
    ],
    ['ps-auth', { structure, professional: { ...professional, profession: 60 } }, '/holder/professional/profession'],
    ['pro-auth', { structure, employee: { ...employee, givenName: 'Pauline' } }, '/holder/employee/givenName'],
  ])('%s for an identifier that is another person’s is refused with its place', async (profile, holder, at) => {
    const { employee: someone, professional: anyone } = holder;
    if (someone !== undefined) await order('pro-auth', { structure, employee });
    if (anyone !== undefined)
      await order('ps-auth', { structure, professional: { ...professional, familyName: 'Durand' } });
    const refused = await order(profile, holder).catch((error) => error);
    expect([refused.code, refused.findings?.map((finding: { at: string }) => finding.at)]).toEqual([
      'holder_invalid',
      [at],
    ]);
  });

  it.each<[string, OrderHolder, string, string]>([
    ['pro-auth', { structure }, 'holder_invalid', '/holder/employee'],
    ['ps-auth', { structure, employee }, 'holder_invalid', '/holder/professional'],
    ['serv-ssl', { structure, professional }, 'holder_invalid', '/holder/professional'],
    [
      'pro-auth',
      { structure, employee: { ...employee, registryNumber: 'a' } },
      'identifier_invalid',
      '/holder/employee/registryNumber',
    ],
    [
      'ps-auth',
      { structure, professional: { ...professional, idNatPs: '899700075065' } },
      'identifier_invalid',
      '/holder/professional/idNatPs',
    ],
    ['ps-sign', { structure, professional }, 'holder_invalid', '/holder/professional/email'],
    ['ps-auth', { structure: AGENCY.structIdNat, professional }, 'not_allowed', '/holder/structure'],
  ])('%s is refused with its place', async (profile, holder, code, at) => {
    const refused = await order(profile, holder).catch((error) => error);
    expect(refused).toMatchObject({ code });
    expect(refused.findings.map((finding: { at: string }) => finding.at)).toContain(at);
  });
});
