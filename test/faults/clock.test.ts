// A clock that jumps: nothing is dated by it, so nothing is recorded and no token is asked, until it is right again.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueCertificate } from '../../src/ca/issue.ts';
import { renewOcspResponders } from '../../src/ca/renew-responders.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { publishCrl } from '../../src/crl/publish.ts';
import { createIssuerIndex } from '../../src/ocsp/issuers.ts';
import { respondOcsp } from '../../src/ocsp/respond.ts';
import { createResponders } from '../../src/ocsp/responders.ts';
import { createStatusIndex } from '../../src/ocsp/status.ts';
import { apiReadiness, publicReadiness } from '../../src/roles/readiness.ts';
import type { System } from '../../src/system.ts';
import { createTrustedClock } from '../../src/trusted-clock.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { HOSPITAL, OPERATOR, recordStructures, serverCsr } from '../helpers/cast.ts';
import { prepareService, type Service, untilReady } from '../helpers/service.ts';

const ISSUER = 'ACI-EL-ORG-TEST';
const YEAR = 365 * 86_400_000;

let service: Service;
let operator: System;
let copy: System;
let ahead = 0;

beforeAll(async () => {
  service = await prepareService({ spy: true });
  service.start('signer issuing');
  service.start('signer ocsp');
  const clock = createTrustedClock({
    wall: () => Date.now() + ahead,
    count: () => performance.now(),
    awake: () => performance.now(),
  });
  operator = { ...(await service.open('operator')), clock: clock.now };
  copy = { ...(await service.open('public')), clock: clock.now };
  await untilReady(operator.issuing);
  await untilReady(copy.ocsp);
  await renewOcspResponders(await service.open('worker'));
  await recordStructures(operator);
});

afterAll(() => service?.stop());

const issue = () =>
  issueCertificate(operator, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...HOSPITAL },
    key: { csr: serverCsr('www.hopital-generique.fr') },
    actor: OPERATOR,
  });
const acts = async (): Promise<readonly number[]> => {
  const tables = ['certificate', 'crl', 'revocation', 'audit_event'];
  const counts = tables.map((table) => `(select count(*)::int from ${table}) as ${table}`).join(', ');
  const { rows } = await operator.db.read.execute<Record<string, number>>(`select ${counts}`);
  const signed = service.spy?.calls().filter((name) => name.startsWith('C_Sign')).length ?? 0;
  return [...Object.values(rows[0] ?? {}), signed];
};

async function ocspStatus(der: Uint8Array): Promise<string> {
  const status = createStatusIndex(copy.db, 'test');
  await status.poll();
  const needs = { status, issuers: createIssuerIndex(copy.authorities), responders: createResponders(copy.db) };
  const { certificate } = copy.authorities.get(ISSUER) ?? {};
  if (certificate === undefined) throw new Error(`there is no ${ISSUER}`);
  const id = certIdFor(certificate.subject, certificate.spki, parseCertificate(der).serial);
  const request = sequence(sequence(sequence(sequence(id))));
  return parseOcspResponse((await respondOcsp({ ...copy, ...needs }, request)).der).status;
}

it.each([YEAR, -YEAR])(
  'that jumps by %d ms stops issuance, revocation, lists and OCSP, and leaves no trace',
  async (ms) => {
    const { id, der } = await issue();
    expect(await ocspStatus(der)).toBe('successful');
    const before = await acts();
    ahead = ms;
    const outage = { name: 'Outage', what: 'clock' };
    await expect(issue()).rejects.toMatchObject(outage);
    await expect(revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR })).rejects.toMatchObject(
      outage,
    );
    await expect(publishCrl(operator, ISSUER, operator.issuing)).rejects.toMatchObject(outage);
    expect(await ocspStatus(der)).toBe('tryLater');
    const refused = (checks: readonly { readonly name: string; readonly ok: boolean }[]) =>
      checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(refused((await apiReadiness(operator)).checks)).toEqual(['clock']);
    const status = createStatusIndex(copy.db, 'test');
    await status.poll();
    expect(refused((await publicReadiness(copy, status)).checks)).toEqual(['clock']);
    expect(await acts()).toEqual(before);

    ahead = 0;
    await revokeCertificate(operator, { id, reason: 'superseded', actor: OPERATOR });
    expect((await publishCrl(operator, ISSUER, operator.issuing))?.entries).toBeGreaterThan(0);
  },
);
