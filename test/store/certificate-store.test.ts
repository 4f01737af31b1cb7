// The certificate store as anyone meets it: real certificates of each kind, found in the public role under the keys that pkijs reads out
// of them, while the worker keeps it up.

import { createHash } from 'node:crypto';
import { Certificate } from 'pkijs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import { giveConsent, withdrawConsent } from '../../src/store/consent.ts';
import { fillCertificateStore } from '../../src/store/fill.ts';
import type { System } from '../../src/system.ts';
import { HOSPITAL, type IssuedCard, issueCard, issueTo, OPERATOR } from '../helpers/cast.ts';
import { eventually } from '../helpers/faults.ts';
import { prepareService, type Service, untilListening, untilReady } from '../helpers/service.ts';

const HOST = 'www.exemple-sante.fr';
const MAILBOX = 'secretariat@exemple-sante.fr';
const PROFESSIONALS = 'durand@exemple-sante.fr';
const PROFESSIONAL = {
  kind: 'professional',
  idNatPs: '899700075064',
  familyName: 'DURAND',
  givenName: 'Anne',
  profession: 10,
} as const;

let service: Service;
let system: System;
const issued: Record<string, IssuedCard> = {};

beforeAll(async () => {
  service = await prepareService();
  for (const role of ['signer issuing', 'signer ocsp'] as const) service.start(role);
  system = await service.open('operator');
  await untilReady(system.issuing);
  const structure = { kind: 'structure', ...HOSPITAL } as const;
  const names = { commonName: HOST, dnsNames: [HOST, 'exemple-sante.fr'] };
  issued.server = await issueTo(system, { profile: 'serv-ssl', holder: structure, names });
  issued.renewed = await issueTo(system, { profile: 'serv-ssl', holder: structure, names });
  issued.revoked = await issueTo(system, { profile: 'serv-ssl', holder: structure, names });
  const mailbox = { commonName: MAILBOX, emailAddresses: [MAILBOX] };
  issued.mailbox = await issueTo(system, { profile: 'serv-smime', holder: structure, names: mailbox });
  issued.professional = await issueTo(system, {
    profile: 'ps-sign',
    holder: { ...PROFESSIONAL, email: PROFESSIONALS },
  });
  issued.card = await issueCard(system, PROFESSIONAL.idNatPs);
  await revokeCertificate(system, { id: issued.revoked.id, reason: 'superseded', actor: OPERATOR });
  for (const role of ['worker', 'public'] as const) service.start(role);
  await untilListening(`http://127.0.0.1:${service.publicPort}`);
  await eventually(
    'the store has the last of them',
    async () => (await find('certHash', keys('professional').cert)).length > 0,
  );
}, 90_000);
afterAll(() => service?.stop());

/** What stands in a certificate, read by pkijs, as search keys of RFC 4387 §2.1. */
function keys(name: string) {
  const der = issued[name]?.der ?? new Uint8Array();
  const certificate = Certificate.fromBER(der);
  const bytes = (value: ArrayBuffer): Buffer => Buffer.from(value);
  const serial = bytes(certificate.serialNumber.toBER());
  const issuer = bytes(certificate.issuer.valueBeforeDecode);
  const content = Buffer.concat([issuer, serial]);
  const issuerAndSerial = Buffer.concat([Buffer.from([0x30, 0x81, content.length]), content]);
  const keyIdentifier = certificate.extensions?.find(({ extnID }) => extnID === '2.5.29.14')?.extnValue;
  const key = (octets: Uint8Array): string => createHash('sha1').update(octets).digest('base64').slice(0, 27);
  return {
    cert: key(der),
    subject: key(bytes(certificate.subject.valueBeforeDecode)),
    issuer: key(issuer),
    issuerAndSerial: key(issuerAndSerial),
    // behind tag and length of the OCTET STRING in the extension
    keyIdentifier: key(Buffer.from(keyIdentifier?.valueBlock.valueHexView.subarray(2) ?? [])),
  };
}

/** Names of what the store answers, in its order; authorities as CA. */
async function find(attribute: string, value: string): Promise<string[]> {
  const url = `http://127.0.0.1:${service.publicPort}/certificates/search?${attribute}=${encodeURIComponent(value)}`;
  const response = await fetch(url);
  if (response.status === 404) return [];
  expect(response.status).toBe(200);
  const body = Buffer.from(await response.arrayBuffer());
  const [, boundary] = /boundary=(.*)$/.exec(response.headers.get('content-type') ?? '') ?? [];
  const parts = boundary === undefined ? [body] : bodiesOf(body, boundary);
  return parts.map((der) => Object.keys(issued).find((name) => der.equals(issued[name]?.der ?? Buffer.of())) ?? 'CA');
}

const bodiesOf = (body: Buffer, boundary: string): Buffer[] =>
  body
    .toString('latin1')
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4, -2), 'latin1'));

/** While the holder of a mailbox consents to be found by it. */
async function withConsent(mailbox: string, look: () => Promise<void>): Promise<void> {
  await giveConsent(system, { mailbox, evidence: 'letter 1', actor: OPERATOR });
  await look();
  await withdrawConsent(system, { mailbox, actor: OPERATOR });
}

describe('a public certificate is found', () => {
  it('by its own hash, by issuer and serial, and by its key, alone', async () => {
    const { cert, issuerAndSerial, keyIdentifier } = keys('server');
    expect(await find('certHash', cert)).toEqual(['server']);
    expect(await find('iAndSHash', issuerAndSerial)).toEqual(['server']);
    expect(await find('sKIDHash', keyIdentifier)).toEqual(['server']);
  });

  it('by its subject, its CN and its host names, the newest first', async () => {
    expect(await find('sHash', keys('server').subject)).toEqual(['renewed', 'server']);
    expect(await find('name', HOST)).toEqual(['renewed', 'server']);
    expect(await find('uri', 'exemple-sante.fr')).toEqual(['renewed', 'server']);
    // §2.2: letters count
    expect(await find('uri', 'EXEMPLE-SANTE.FR')).toEqual([]);
  });

  it('by its issuer, among all of its that are public', async () => {
    expect(await find('iHash', keys('server').issuer)).toEqual(['renewed', 'server']);
  });

  it('of a professional by the national identifier that is its CN', async () => {
    await withConsent(PROFESSIONALS, async () => {
      expect(await find('name', PROFESSIONAL.idNatPs)).toEqual(['professional']);
    });
  });
});

describe('the directory', () => {
  /** Names of what it answers, in its order. */
  async function search(query: string): Promise<string[]> {
    const response = await fetch(`http://127.0.0.1:${service.publicPort}/v1/directory?${query}`);
    expect(response.status).toBe(200);
    const { entries } = (await response.json()) as { entries: { links: { certificate: string } }[] };
    const found = entries.map(async ({ links }) => {
      const der = Buffer.from(
        await (await fetch(`http://127.0.0.1:${service.publicPort}${links.certificate}`)).arrayBuffer(),
      );
      return Object.keys(issued).find((name) => der.equals(issued[name]?.der ?? Buffer.of())) ?? 'another';
    });
    return Promise.all(found);
  }

  it('finds the public certificates of a structure, and those of a mailbox with consent before their names', async () => {
    expect(await search(`structure=${HOSPITAL.structIdNat}`)).toEqual(['server', 'renewed']);
    await withConsent(MAILBOX, async () => {
      expect(await search(`structure=${HOSPITAL.structIdNat}`)).toEqual(['mailbox', 'server', 'renewed']);
    });
    expect(await search(`structure=${HOSPITAL.structIdNat}&profile=serv-ssl&name=www`)).toEqual(['server', 'renewed']);
  });

  it('finds a professional by name, without their card', async () => {
    await withConsent(PROFESSIONALS, async () => {
      expect(await search('name=D%C3%9BRAND%20an')).toEqual(['professional']);
    });
    expect(await search('name=durand')).toEqual([]);
    expect(await search('name=durand&profile=cps-auth')).toEqual([]);
    expect(await search('name=urand')).toEqual([]);
  });

  it('shows no subject in which a mailbox stands, and no mailbox', async () => {
    const text = await (
      await fetch(`http://127.0.0.1:${service.publicPort}/v1/directory?structure=${HOSPITAL.structIdNat}`)
    ).text();
    expect(text).not.toContain('@');
  });
});

describe('nobody finds', () => {
  it('what was revoked', async () => {
    expect(await find('certHash', keys('revoked').cert)).toEqual([]);
  });

  it('a card, though a certificate that is public has the same subject', async () => {
    expect(await find('certHash', keys('card').cert)).toEqual([]);
    expect(await find('iAndSHash', keys('card').issuerAndSerial)).toEqual([]);
    await withConsent(PROFESSIONALS, async () => {
      expect(await find('sHash', keys('card').subject)).toEqual(['professional']);
    });
    expect(await find('iHash', keys('card').issuer)).not.toContain('card');
  });

  it('a certificate with such a mailbox, unless they have met it', async () => {
    for (const name of ['mailbox', 'professional']) {
      const { issuer, subject, cert, issuerAndSerial, keyIdentifier } = keys(name);
      expect([...(await find('iHash', issuer)), ...(await find('sHash', subject))]).not.toContain(name);
      expect(await find('certHash', cert)).toEqual([name]);
      expect(await find('iAndSHash', issuerAndSerial)).toEqual([name]);
      expect(await find('sKIDHash', keyIdentifier)).toEqual([name]);
    }
    expect(await find('name', PROFESSIONAL.idNatPs)).toEqual([]);
  });

  it('a certificate by a mailbox to which nobody has consented, not even where it is the CN', async () => {
    for (const attribute of ['uri', 'email', 'name'])
      for (const mailbox of [MAILBOX, PROFESSIONALS]) expect(await find(attribute, mailbox)).toEqual([]);
  });
});

it('a mailbox leads to its certificate while its holder consents to that', async () => {
  expect(await find('email', MAILBOX)).toEqual([]);
  await withConsent(MAILBOX, async () => {
    expect(await find('email', MAILBOX)).toEqual(['mailbox']);
    expect(await find('email', PROFESSIONALS)).toEqual([]);
  });
  expect(await find('email', MAILBOX)).toEqual([]);
});

it('what holds a mailbox is kept by no cache, and what holds none may be', async () => {
  const caching = async (query: string): Promise<string | null> =>
    (await fetch(`http://127.0.0.1:${service.publicPort}/certificates/search?${query}`)).headers.get('cache-control');
  await withConsent(MAILBOX, async () => {
    expect(await caching(`email=${MAILBOX}`)).toContain('no-store');
  });
  expect(await caching(`certHash=${encodeURIComponent(keys('mailbox').cert)}`)).toContain('no-store');
  expect(await caching(`name=${HOST}`)).toContain('max-age=300');
});

it('a certificate that comes into the store after its mailbox was consented to is found by it', async () => {
  const { db } = service.database;
  const again = 'accueil@exemple-sante.fr';
  await withConsent(again, async () => {
    issued.again = await issueTo(system, {
      ...{ profile: 'serv-smime', holder: { kind: 'structure', ...HOSPITAL } },
      names: { commonName: again, emailAddresses: [again] },
    });
    await eventually('the store has it', async () => (await find('email', again)).length === 1);
    // and when it is filled from nothing
    await db.read.execute(`delete from certificate_store; delete from feed_reader where copy = 'certificate store'`);
    await eventually('the store has it again', async () => (await find('email', again)).length === 1);
  });
  expect(await find('email', again)).toEqual([]);
});

it('a path can be built: the issuer is found by its subject and by the key that the certificate names', async () => {
  expect(await find('sHash', keys('server').issuer)).toEqual(['CA']);
});

it('the list of an authority is found by its name', async () => {
  const key = encodeURIComponent(keys('server').issuer);
  const response = await eventually('there is a list', async () => {
    const answer = await fetch(`http://127.0.0.1:${service.publicPort}/crls/search?iHash=${key}`);
    return answer.status === 200 && answer;
  });
  expect(response.headers.get('content-type')).toBe('application/pkix-crl');
});

it('a certificate that is revoked is not shown from that moment on, and leaves the store', async () => {
  await revokeCertificate(system, { id: issued.renewed?.id ?? '', reason: 'superseded', actor: OPERATOR });
  expect(await find('name', HOST)).toEqual(['server']);
  const rows = () =>
    service.database.db.read.execute(`select from certificate_store where certificate_id = '${issued.renewed?.id}'`);
  await eventually('its row is gone', async () => (await rows()).rowCount === 0);
});

it('a store that was emptied is filled again from the beginning', async () => {
  const { db } = service.database;
  await db.read.execute(`delete from certificate_store; delete from feed_reader where copy = 'certificate store'`);
  await eventually('it is found again', async () => (await find('name', HOST)).length === 1);
});

it('what expires leaves the store', async () => {
  await fillCertificateStore({ ...system, clock: () => new Date('2099-01-01T00:00:00Z') }, 'test');
  expect((await service.database.db.read.execute('select from certificate_store')).rowCount).toBe(0);
});
