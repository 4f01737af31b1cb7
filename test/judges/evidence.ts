// What the judges look at: a certificate of every profile with every kind of key that it allows, made by the running service, every
// authority, every list, and OCSP answers. Nothing here knows a profile by its name.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IssueCommand } from '../../src/ca/issue.ts';
import { revokeCertificate } from '../../src/ca/revoke.ts';
import type { Holder } from '../../src/policy/holder.ts';
import type { Profile } from '../../src/policy/profile.ts';
import type { System } from '../../src/system.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { sequence } from '../../src/x509/der-writer.ts';
import { certIdFor } from '../../src/x509/ocsp.ts';
import { parseOcspResponse } from '../../src/x509/ocsp-response.ts';
import { OID } from '../../src/x509/oids.ts';
import { fetchPublic } from '../helpers/api-client.ts';
import { DURAND, HOSPITAL, issueTo, newKeyPair, OPERATOR, recordStructures } from '../helpers/cast.ts';
import { told } from '../helpers/judges.ts';
import { prepareService, type Service, until, untilReady } from '../helpers/service.ts';

/** A certificate below an intermediate: its file is `<name>.cer`. */
export type Exhibit = {
  readonly name: string;
  /** of its row; empty for a responder's */
  readonly id: string;
  readonly profile: Profile;
  readonly der: Uint8Array;
  /** hexadecimal, as judges write it: without leading zeros */
  readonly serial: string;
  /** id of the issuing authority */
  readonly issuer: string;
  readonly notAfter: Date;
};

export type Evidence = {
  readonly service: Service;
  readonly folder: string;
  readonly system: System;
  /** one for each profile and kind of key */
  readonly exhibits: readonly Exhibit[];
  /** one more of each authority that issues to people or structures, revoked */
  readonly revoked: readonly Exhibit[];
  /** id of each authority and of its issuer; files `<id>.cer` and `<id>.crl` */
  readonly authorities: readonly { readonly id: string; readonly issuer: string }[];
  write(name: string, content: Uint8Array): void;
  /** keeps the answer of the running responder about a serial as `<name>.ocsp`, and gives its DER */
  keepStatus(name: string, issuer: string, serial: Uint8Array): Promise<Buffer>;
};

type Base = Omit<Evidence, 'exhibits' | 'revoked'>;

/** Starts a service and collects everything; `evidence.service` is to be stopped. */
export async function collectEvidence(): Promise<Evidence> {
  const service = await prepareService();
  try {
    const base = await openService(service);
    const { system } = base;
    const profiles = [...system.policies.profiles.values()].filter(({ issuedBy }) => issuedBy !== 'system');
    const exhibits = await inTurn(profiles.flatMap(keysOf), ([profile, key]) => makeExhibit(base, profile, key));
    const revoked = await revokeOneEach(base, exhibits);
    for (const { name, issuer, der } of [...exhibits, ...revoked])
      await base.keepStatus(name, issuer, parseCertificate(der).serial);
    return { ...base, exhibits: [...exhibits, ...(await exhibitResponders(base, exhibits))], revoked };
  } catch (error) {
    await service.stop();
    throw error;
  }
}

/** One after another, so that the signer is not flooded. */
async function inTurn<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await act(one));
  return results;
}

async function openService(service: Service): Promise<Base> {
  await service.igc('hierarchy', 'create');
  for (const role of ['signer issuing', 'signer ocsp', 'worker', 'public'] as const) service.start(role);
  const system = await service.open('operator');
  await untilReady(system.issuing);
  await recordStructures(system);
  const folder = join(service.directory, 'judged');
  mkdirSync(folder);
  const write = (name: string, content: Uint8Array): void => writeFileSync(join(folder, name), content);
  const authorities = [...system.authorities.values()].map(({ id, issuer }) => ({ id, issuer }));
  for (const { id } of authorities) {
    write(`${id}.cer`, await published(service, `/AC%20TEST/${id}.cer`));
    write(`${id}.crl`, await published(service, `/CRL/${id}.crl`));
  }
  const keepStatus: Base['keepStatus'] = async (name, issuer, serial) => {
    const authority = parseCertificate(await published(service, `/AC%20TEST/${issuer}.cer`));
    const certId = sequence(certIdFor(authority.subject, authority.spki, serial, 'sha1'));
    const body = sequence(sequence(sequence(certId)));
    const url = 'http://ocsp.demo.igc-sante.fr/';
    const answer = await fetchPublic(service, url, { type: 'application/ocsp-request', body });
    write(`${name}.ocsp`, answer.body);
    return answer.body;
  };
  return { service, folder, system, authorities, write, keepStatus };
}

/** Waits until the public role serves a file. */
async function published(service: Service, path: string): Promise<Buffer> {
  let body: Buffer = Buffer.alloc(0);
  await until(async () => {
    const answer = await fetchPublic(service, `http://igc.demo.igc-sante.fr${path}`);
    body = answer.body;
    return answer.statusCode === 200;
  });
  return body;
}

type KeyKind = NonNullable<Parameters<typeof newKeyPair>[0]>;

const keysOf = (profile: Profile): (readonly [Profile, KeyKind])[] => [
  ...(profile.keys.rsa === undefined ? [] : [[profile, 'rsa'] as const]),
  ...(profile.keys.ec?.curves ?? []).map((curve) => [profile, curve] as const),
];

async function makeExhibit({ system, write }: Base, profile: Profile, key: KeyKind, more = ''): Promise<Exhibit> {
  const name = `${profile.name}-${key}${more}`;
  const names = namesOf(profile, name);
  const { id, der } = await issueTo(system, {
    profile: profile.name,
    holder: holderOf(profile),
    ...(names === undefined ? {} : { names }),
    key: newKeyPair(key),
  });
  write(`${name}.cer`, der);
  return exhibitOf(system, { name, id, profile, der });
}

function exhibitOf(system: System, made: Pick<Exhibit, 'name' | 'id' | 'profile' | 'der'>): Exhibit {
  const { serial, issuer, notAfter } = parseCertificate(made.der);
  const authority = [...system.authorities.values()].find(
    ({ certificate }) => Buffer.compare(certificate.subject, issuer) === 0,
  );
  if (authority === undefined) throw new Error(`nobody of the hierarchy issued ${made.name}`);
  return { ...made, serial: hexadecimal(serial), issuer: authority.id, notAfter };
}

const hexadecimal = (serial: Uint8Array): string => BigInt(`0x${Buffer.from(serial).toString('hex')}`).toString(16);

const PERSON = { familyName: 'DURAND-LÉVY', givenName: 'Anne' };
const MAILBOX = 'anne.durand-levy@hopital-generique.fr';
/** Physician: in the table of all professions, and in that of professions in training. */
const PHYSICIAN = 10;

/** A holder of the kind that the profile is for; with a card and a mailbox where it certifies them, and nowhere else. */
function holderOf({ holder, privateExtensions, subjectAltName }: Profile): Holder {
  const person = {
    ...PERSON,
    ...(privateExtensions?.cardNumber === true ? { card: { number: '8025000001/2800636234' } } : {}),
    ...(subjectAltName?.rfc822Name === undefined ? {} : { email: MAILBOX }),
  };
  switch (holder) {
    case 'professional':
      return { kind: 'professional', idNatPs: DURAND, profession: PHYSICIAN, ...person };
    case 'employee':
      return { kind: 'employee', structure: HOSPITAL, registryNumber: 'CPET0002', ...person };
    default:
      return { kind: 'structure', ...HOSPITAL };
  }
}

function namesOf({ names }: Profile, name: string): IssueCommand['names'] {
  const host = `${name.toLowerCase()}.hopital-generique.fr`;
  const mailbox = `${name.toLowerCase()}@hopital-generique.fr`;
  switch (names?.rule) {
    case 'fqdn':
      return { commonName: host, dnsNames: [host] };
    case 'mailbox':
      return { commonName: mailbox, emailAddresses: [mailbox] };
    case 'text':
      return { commonName: `service ${name}` };
    default:
      return undefined;
  }
}

/** Of each authority that issued something, one more certificate, revoked; then its list and its answers say so. */
async function revokeOneEach(base: Base, exhibits: readonly Exhibit[]): Promise<Exhibit[]> {
  const { system, service, folder, write } = base;
  const first = new Map(exhibits.toReversed().map((exhibit) => [exhibit.issuer, exhibit]));
  return inTurn([...first.values()], async ({ profile, issuer }) => {
    const [[, key = 'rsa'] = []] = keysOf(profile);
    const exhibit = await makeExhibit(base, profile, key, '-revoked');
    await revokeCertificate(system, { id: exhibit.id, reason: 'superseded', actor: OPERATOR });
    await until(async () => {
      write(`${issuer}.crl`, await published(service, `/CRL/${issuer}.crl`));
      const said = await told('openssl', folder, 'crl', '-inform', 'DER', '-in', `${issuer}.crl`, '-noout', '-text');
      return said.toLowerCase().includes(exhibit.serial);
    });
    return exhibit;
  });
}

/** The delegated responders, as their answers bring them. */
async function exhibitResponders(
  { system, write, keepStatus }: Base,
  exhibits: readonly Exhibit[],
): Promise<Exhibit[]> {
  const profile = [...system.policies.profiles.values()].find(({ extendedKeyUsage }) =>
    extendedKeyUsage.includes('OCSPSigning'),
  );
  if (profile === undefined) throw new Error('there is no profile for responders');
  const first = new Map(exhibits.map((exhibit) => [exhibit.issuer, exhibit]));
  return inTurn([...first.values()], async ({ name: about, issuer, der: asked }) => {
    const response = parseOcspResponse(await keepStatus(about, issuer, parseCertificate(asked).serial));
    if (response.status !== 'successful') throw new Error(response.status);
    const name = `${profile.name}-of-${issuer}`;
    const der = response.basic.certificates[0] ?? new Uint8Array();
    write(`${name}.cer`, der);
    return exhibitOf(system, { name, id: '', profile, der });
  });
}

/** The files above a certificate of `issuer`, from itself to the root. */
export function chainAbove({ authorities }: Pick<Evidence, 'authorities'>, issuer: string): string[] {
  const above = authorities.find(({ id }) => id === issuer)?.issuer;
  return above === undefined || above === issuer ? [`${issuer}.cer`] : [`${issuer}.cer`, `${above}.cer`];
}

/** Dotted object identifiers of what a profile says its keys are for. */
export const purposesOf = ({ extendedKeyUsage }: Profile): string =>
  extendedKeyUsage.map((purpose) => OID[purpose]).join(',');
