// What a technical administrator is refused is audited like what they do: with its code, and with nothing that they typed.

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Actor } from '../../src/actor.ts';
import { orderCertificate } from '../../src/ra/order-certificate.ts';
import { revokeCertificate } from '../../src/ra/revoke-certificate.ts';
import type { System } from '../../src/system.ts';
import { AGENCY, DURAND, HOSPITAL, makeAdministrator, recordStructures, serverCsr } from '../helpers/cast.ts';
import { prepareService, type Service, untilReady } from '../helpers/service.ts';

let service: Service;
let system: System;
let actor: Extract<Actor, { kind: 'administrator' }>;
let stranger: typeof actor;

beforeAll(async () => {
  service = await prepareService();
  service.start('signer issuing');
  system = await service.open('api');
  await untilReady(system.issuing);
  await recordStructures(system);
  actor = await makeAdministrator(system, DURAND, [HOSPITAL]);
  stranger = { kind: 'administrator', id: '01990000-0000-7000-8000-000000000001', structures: [AGENCY.structIdNat] };
}, 60_000);

afterAll(() => service?.stop());

let last: string;
const latest = async (): Promise<string> =>
  (await system.db.read.execute<{ id: string }>('select coalesce(max(id), 0) as id from audit_event')).rows[0]?.id ??
  '';
beforeEach(async () => {
  last = await latest();
});
const audited = async () =>
  (
    await system.db.read.execute(
      `select kind, actor, subject_id, content from audit_event where id > ${last} order by id`,
    )
  ).rows;

const order = (structure: string) =>
  orderCertificate(system, {
    profile: 'serv-ssl',
    holder: { structure },
    csr: serverCsr('www.hopital-generique.fr'),
    actor,
  });

it('an order for a structure of somebody else', async () => {
  await expect(order(AGENCY.structIdNat)).rejects.toMatchObject({ code: 'not_allowed' });
  expect(await audited()).toEqual([
    {
      kind: 'certificate_refused',
      actor: `administrator:${actor.id}`,
      subject_id: 'serv-ssl',
      content: { code: 'not_allowed' },
    },
  ]);
});

it('a revocation of what is not theirs, of what is revoked, and for a reason that does not exist here', async () => {
  const { id } = await order(HOSPITAL.structIdNat);
  last = await latest();
  const refused = [
    [stranger, 'superseded', 'not_found'],
    [actor, 'certificateHold', 'revocation_reason_not_allowed'],
    [actor, 'superseded', undefined],
    [actor, 'superseded', 'already_revoked'],
    [actor, 'keyCompromise', undefined],
    [actor, 'keyCompromise', 'already_revoked'],
  ] as const;
  for (const [who, reason, code] of refused) {
    const done = revokeCertificate(system, { id, reason, actor: who });
    if (code === undefined) await done;
    else await expect(done).rejects.toMatchObject({ code });
  }
  const row = (kind: string, who: typeof actor, content: object) => ({
    kind,
    actor: `administrator:${who.id}`,
    subject_id: id,
    content,
  });
  expect(await audited()).toEqual([
    row('revocation_refused', stranger, { code: 'not_found' }),
    row('revocation_refused', actor, { code: 'revocation_reason_not_allowed' }),
    row('certificate_revoked', actor, { reason: 'superseded' }),
    row('revocation_refused', actor, { code: 'already_revoked' }),
    row('certificate_revocation_raised', actor, { reason: 'keyCompromise' }),
    row('revocation_refused', actor, { code: 'already_revoked' }),
  ]);
});
