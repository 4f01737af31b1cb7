// The structures and people of the tests, and what an operator does for them before they can do anything themselves.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { uuidv7 } from 'uuidv7';
import { linkAdministrator, recordAdministrator } from '#db/administrators.ts';
import { recordStructure } from '#db/structures.ts';
import type { Actor } from '../../src/actor.ts';
import { chainOf } from '../../src/authority.ts';
import { type IssueCommand, issueCertificate } from '../../src/ca/issue.ts';
import type { Structure } from '../../src/policy/holder.ts';
import type { System } from '../../src/system.ts';
import { utf8String } from '../../src/x509/der-writer.ts';
import { OID } from '../../src/x509/oids.ts';
import { toPem } from '../../src/x509/pem.ts';
import type { Credential } from './api-client.ts';
import { attribute, buildCsr, dns, extensionRequest, type keyPair, subject } from './csr.ts';
import type { Service } from './service.ts';

export const HOSPITAL: Structure = { structIdNat: '10B0057881', name: 'HOPITAL GENERIQUE TEST', department: '75' };
export const AGENCY: Structure = {
  structIdNat: '318751275100020',
  name: 'AGENCE DU NUMERIQUE EN SANTE',
  department: '75',
};
const ROW_IDS: Readonly<Record<string, string>> = {
  [HOSPITAL.structIdNat]: uuidv7(),
  [AGENCY.structIdNat]: uuidv7(),
};
/** RPPS numbers with their keys, each behind the 8 of its register. */
export const DURAND = '899700075064';
export const MARTIN = '899700075072';
export const API_HOST = 'api.demo.igc-sante.fr';

type KeyPair = ReturnType<typeof keyPair>;

export const OPERATOR: Actor = { kind: 'operator', id: 'test' };

/** A key pair that nothing has seen before. */
export const newKeyPair = (kind: 'rsa' | 'P-256' | 'P-384' = 'P-256'): KeyPair =>
  kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: kind });

/** A request for a server's certificate in DER, with a new P-256 key unless one is given. */
export const serverCsr = (name: string, key: KeyPair = newKeyPair()): Uint8Array =>
  buildCsr({
    key,
    subject: subject(attribute(OID.commonName, utf8String(name))),
    attributes: [extensionRequest(dns(name))],
  });

export const csrPem = (der: Uint8Array): string => toPem('CERTIFICATE REQUEST', der);
const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** What an operator issues, with its key and with its issuers below the root in PEM. */
export type IssuedCard = Credential & { readonly id: string; readonly der: Uint8Array; readonly chain: string };

/** Issues with a new key, in the name of an operator unless the command names another actor. */
export async function issueTo(
  system: System,
  command: Pick<IssueCommand, 'profile' | 'holder' | 'names'> & { readonly key?: KeyPair; readonly actor?: Actor },
): Promise<IssuedCard> {
  const { key = newKeyPair('rsa'), actor = OPERATOR, ...what } = command;
  const { id, der } = await issueCertificate(system, {
    ...what,
    key: { csr: buildCsr({ key, subject: subject() }) },
    actor,
  });
  const cert = toPem('CERTIFICATE', der);
  const issuer = system.policies.profiles.get(command.profile)?.issuer ?? '';
  const above = chainOf(system.authorities, `${issuer}${system.policies.hierarchy.suffix}`)
    .filter(({ kind }) => kind === 'intermediate')
    .map(({ certificate }) => toPem('CERTIFICATE', certificate.der));
  return { id, der, cert, key: keyPem(key.privateKey), chain: cert + above.join('') };
}

/** The card of a health professional, with a new key unless one is given. */
export const issueCard = (system: System, idNatPs: string, key?: KeyPair): Promise<IssuedCard> =>
  issueTo(system, {
    ...(key === undefined ? {} : { key }),
    profile: 'cps-auth',
    holder: {
      kind: 'professional',
      idNatPs,
      familyName: 'DURAND',
      givenName: 'Anne',
      profession: 10,
      card: { number: '8025000001/2800636234' },
    },
  });

/** Makes the holder of CPS cards with this number a technical administrator; answers the actor that they are from now on. */
export async function makeAdministrator(
  system: System,
  nationalId: string,
  structures: readonly Structure[],
): Promise<Extract<Actor, { kind: 'administrator' }>> {
  const id = uuidv7();
  await system.db.transaction(async (tx) => {
    await recordAdministrator(tx, { id, issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId });
    for (const { structIdNat } of structures) await linkAdministrator(tx, id, ROW_IDS[structIdNat] ?? '');
  });
  return { kind: 'administrator', id, structures: structures.map(({ structIdNat }) => structIdNat) };
}

/** Makes both structures known. */
export async function recordStructures({ db }: Pick<System, 'db'>): Promise<void> {
  for (const structure of [HOSPITAL, AGENCY])
    await recordStructure(db.read, { id: ROW_IDS[structure.structIdNat] ?? '', ...structure });
}

/** The API's own TLS certificate, of this hierarchy, where the api role looks for it. */
export async function writeApiCertificate(system: System, { environment }: Service): Promise<void> {
  const { key, chain } = await issueTo(system, {
    profile: 'serv-ssl',
    holder: { kind: 'structure', ...AGENCY },
    names: { commonName: API_HOST, dnsNames: [API_HOST] },
  });
  writeFileSync(environment.API_TLS_KEY_FILE ?? '', key, { mode: 0o600 });
  writeFileSync(environment.API_TLS_CERTIFICATE_FILE ?? '', chain);
}
