// igc administrator: the technical administrators who may order over the API. A login is issuing CA, card profile and national
// identifier together: a name alone, or a software certificate, is nobody.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { uuidv7 } from 'uuidv7';
import {
  findAdministrator,
  type Login,
  linkAdministrator,
  listAdministrators,
  recordAdministrator,
} from '#db/administrators.ts';
import { appendAudit } from '#db/audit.ts';
import { findBySerial } from '#db/certificates.ts';
import type { Tx } from '#db/connect.ts';
import { findStructure } from '#db/structures.ts';
import { actorText } from '../../src/actor.ts';
import { Refusal } from '../../src/errors.ts';
import { checkIdNatPs } from '../../src/identifiers/person.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import type { Profile } from '../../src/policy/profile.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { DerError } from '../../src/x509/der.ts';
import { fromPem } from '../../src/x509/pem.ts';
import { operator, withSystem } from './operator.ts';
import { collect } from './options.ts';
import { printDocument, printRows } from './output.ts';

const ADD_HELP = `
Who logs in is read from a card certificate that this authority issued, or named by its three parts. An administrator who is known
already gets the structures that are new to them.

Examples:
  $ igc administrator add --certificate card.pem --structure 10B0057881
  $ igc administrator add --issuing-ca ACI-FO-PP-TEST --card-profile cps-auth --national-id 899700075064 --structure 10B0057881
`;

const LIST_HELP = `
Examples:
  $ igc administrator list
  $ igc administrator list --json | jq -r '.nationalId + " " + (.structures | join(","))'
`;

type AddOptions = {
  readonly certificate?: string;
  readonly issuingCa?: string;
  readonly cardProfile?: string;
  readonly nationalId?: string;
  readonly structure?: readonly string[];
  readonly json?: true;
};

/** Adds `igc administrator`. */
export function addAdministratorCommands(program: Command): void {
  const administrator = program
    .command('administrator')
    .description('technical administrators, who log in with a card');
  administrator
    .command('add')
    .description('make a card holder a technical administrator of structures')
    .option('--certificate <file>', 'the card’s certificate, PEM')
    .option('--issuing-ca <id>', 'the authority that issued it, as `igc hierarchy list` names it')
    .option('--card-profile <name>', 'the profile of the card: cps-auth, cpe-auth')
    .option('--national-id <IdNat_PS>', 'the holder’s national identifier')
    .option('--structure <Struct_IdNat>', 'a structure to act for; repeatable', collect)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', ADD_HELP)
    .action((options: AddOptions, command: Command) => {
      const parts = [options.issuingCa, options.cardProfile, options.nationalId];
      const named = parts.filter((part) => part !== undefined).length;
      if (options.certificate === undefined ? named !== parts.length : named > 0) {
        command.error('error: say --certificate, or all of --issuing-ca, --card-profile and --national-id');
      }
      return add(options);
    });
  administrator
    .command('list')
    .description('every administrator, by national identifier')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', LIST_HELP)
    .action(list);
}

async function add(options: AddOptions): Promise<void> {
  const shown = await withSystem(async (system) => {
    const login =
      options.certificate === undefined ? namedLogin(system, options) : await cardLogin(system, options.certificate);
    return system.db.transaction((tx) => addInTransaction(tx, system, { login, structures: options.structure ?? [] }));
  });
  printDocument(shown, { json: options.json });
}

async function addInTransaction(tx: Tx, system: OpenSystem, wanted: { login: Login; structures: readonly string[] }) {
  const { login } = wanted;
  const known = await findAdministrator(tx, login);
  const id = known?.id ?? uuidv7();
  if (known === undefined) await recordAdministrator(tx, { id, ...login });
  const added: string[] = [];
  for (const structIdNat of new Set(wanted.structures)) {
    const structure = await findStructure(tx, structIdNat);
    if (structure === undefined) throw unknownStructure(structIdNat);
    if (await linkAdministrator(tx, id, structure.id)) added.push(structIdNat);
  }
  if (known !== undefined && added.length === 0)
    throw new Refusal('already_exists', 'this administrator is known, with these structures');
  await appendAudit(tx, {
    kind: known === undefined ? 'administrator_added' : 'administrator_extended',
    actor: actorText(operator()),
    subjectId: id,
    at: system.clock(),
    content: { ...login, structures: added },
  });
  return { id, ...login, structures: [...new Set([...(known?.structures ?? []), ...added])].sort() };
}

const unknownStructure = (structIdNat: string): Refusal =>
  new Refusal('holder_unknown', 'there is no such structure', [
    {
      rule: 'an administrator acts for structures that are known',
      at: '--structure',
      detail: `${structIdNat} is unknown`,
      remedy: 'igc structure add',
    },
  ]);

function namedLogin(system: OpenSystem, options: AddOptions): Login {
  const { issuingCa = '', cardProfile = '', nationalId = '' } = options;
  loginProfile(system, cardProfile, issuingCa);
  const findings = checkIdNatPs(nationalId, { test: system.policies.hierarchy.test, at: '--national-id' });
  if (findings.length > 0) throw new Refusal('identifier_invalid', 'the national identifier is not accepted', findings);
  return { issuingCa, cardProfile, nationalId };
}

/** The login behind a card certificate: only one that this authority issued and has not revoked. */
async function cardLogin(system: OpenSystem, path: string): Promise<Login> {
  const certificate = readCard(path);
  const issuer = [...system.authorities.values()].find(
    (authority) =>
      authority.kind === 'intermediate' && Buffer.compare(authority.certificate.subject, certificate.issuer) === 0,
  );
  const row = issuer === undefined ? undefined : await findBySerial(system.db.read, issuer.id, certificate.serial);
  if (row?.der === undefined || Buffer.compare(row.der, certificate.der) !== 0)
    throw notACard(path, 'this authority did not issue it');
  if (row.revocation !== undefined) throw notACard(path, 'it is revoked');
  loginProfile(system, row.profile, row.issuer);
  return { issuingCa: row.issuer, cardProfile: row.profile, nationalId: row.holderKey };
}

function readCard(path: string): Certificate {
  try {
    const [der] = fromPem(readFileSync(path, 'utf8'), 'CERTIFICATE');
    if (der !== undefined) return parseCertificate(der);
  } catch (error) {
    const unreadable = error instanceof DerError || (error instanceof Error && 'code' in error);
    if (!unreadable) throw error;
  }
  throw notACard(path, 'it cannot be read as a PEM certificate');
}

/** The profile of cards with which people log in: issued by operators, for client authentication. */
function loginProfile(system: OpenSystem, name: string, issuer: string): void {
  const { profiles, hierarchy } = system.policies;
  const profile = profiles.get(name);
  if (profile === undefined) throw new Refusal('profile_unknown', `there is no profile ${name}`);
  if (!canLogIn(profile)) throw refusedLogin(`a certificate of profile ${name} is no card to log in with`);
  if (profile.issuer + hierarchy.suffix !== issuer) throw refusedLogin(`${issuer} does not issue profile ${name}`);
}

const canLogIn = ({ issuedBy, extendedKeyUsage }: Profile): boolean =>
  issuedBy === 'operator' && extendedKeyUsage.includes('clientAuth');

const refusedLogin = (detail: string): Refusal =>
  new Refusal('holder_invalid', 'this is no login', [
    {
      rule: 'issuing CA + card profile + national identifier',
      detail,
      remedy: 'take a card certificate, such as cps-auth or cpe-auth',
    },
  ]);

const notACard = (path: string, detail: string): Refusal =>
  new Refusal('holder_invalid', 'the certificate is not accepted', [
    { rule: 'a login stands for a card that this authority issued', at: path, detail },
  ]);

async function list({ json }: { json?: boolean }): Promise<void> {
  const rows = await withSystem((system) => listAdministrators(system.db.read));
  printRows(
    rows.map(({ id, issuingCa, cardProfile, nationalId, structures }) => ({
      id,
      issuingCa,
      cardProfile,
      nationalId,
      structures,
    })),
    ['nationalId', 'cardProfile', 'issuingCa', 'structures'],
    { json },
  );
}
