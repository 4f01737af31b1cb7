// igc certificate issue: one certificate by the operator's hand. The operator stands in for the registration of cards, and for an
// order where the profile is one that can be ordered.

import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { findCertificate } from '#db/certificates.ts';
import { createFileDurably } from '../../src/ca/durable-file.ts';
import { type IssueCommand, issueCertificate, planCertificate } from '../../src/ca/issue.ts';
import { Outage, Refusal } from '../../src/errors.ts';
import type { OpenSystem } from '../../src/open-system.ts';
import type { IssuancePlan } from '../../src/policy/plan.ts';
import type { RequestedNames } from '../../src/policy/requested-names.ts';
import { readCsrText } from '../../src/x509/csr.ts';
import { type CertificateDocument, certificateDocument, pemChain, withoutPem } from './certificate-document.ts';
import { makeRequest, NEW_KEYS, type NewKey } from './csr.ts';
import { type HolderOptions, holderOf, wrongOptions } from './holder.ts';
import { operator, withSystem } from './operator.ts';
import { collect, unusableFile } from './options.ts';
import { printDocument, say } from './output.ts';
import { DRY_RUN } from './rehearsal.ts';

const HELP = `
The key comes from a PKCS#10 request (--csr), of which only the public key and, for servers, the names count; or igc makes one
(--new-key), whose private half goes to a new file of mode 0600.

Holders: serv-*, org-*: --structure
         ps-*, cps-*, cpf-auth: --id-nat-ps --family-name --given-name --profession
         pro-*, cpe-*, cde-auth, cda-auth, cpa-auth: --structure --registry-number --family-name --given-name
         and --card-number for cards, --email for ps-sign, ps-conf, pro-sign, pro-conf
Names:   --common-name for org-*, --dns for serv-ssl, serv-sign, serv-conf, --mailbox for serv-smime

With --dry-run nothing is signed or recorded, and no key file is made: the plan is shown, or every reason against it.

Examples:
  $ igc certificate issue cps-auth --csr card.csr --id-nat-ps 899700075064 --family-name DURAND --given-name ANNE \\
      --profession 10 --card-number 8025000001/2800636234 --out card.pem
  $ igc certificate issue cpe-auth --csr card.csr --structure 10B0057881 --registry-number CPET0002 --family-name MARTIN \\
      --given-name PAUL --card-number 8025000001/2600636234 --out card.pem
  $ igc certificate issue serv-ssl --structure 318751275100020 --dns api.demo.igc-sante.fr --new-key api.key --dry-run
  $ igc certificate issue serv-ssl --structure 318751275100020 --dns api.demo.igc-sante.fr --new-key api.key --out api.pem
`;

export type IssueOptions = HolderOptions & {
  readonly csr?: string;
  readonly newKey?: string;
  readonly keyType: NewKey;
  readonly commonName?: string;
  readonly dns?: readonly string[];
  readonly mailbox?: readonly string[];
  readonly out?: string;
  readonly dryRun?: true;
  readonly json?: true;
};

/** Adds `igc certificate issue`. */
export function addIssueCommand(certificate: Command): void {
  certificate
    .command('issue')
    .description('issue a certificate')
    .argument('<profile>', 'as `igc profile list` names it: serv-ssl, ps-sign, cps-auth …')
    .option('--csr <file>', 'PKCS#10 request, PEM or DER')
    .option('--new-key <file>', 'make a key pair and keep its private half in this new file')
    .addOption(new Option('--key-type <type>', 'of --new-key').choices(NEW_KEYS).default('rsa-2048'))
    .option('--structure <Struct_IdNat>', 'the structure, as `igc structure list` names it')
    .option('--id-nat-ps <IdNat_PS>', 'national identifier of a professional: 8 and RPPS, 0 and ADELI')
    .option('--registry-number <text>', 'of an employee, in the registry of the structure')
    .option('--family-name <text>')
    .option('--given-name <text>')
    .option('--profession <code>', 'code of table TRE_G15: 10, 21, 40, 50, 60 …')
    .option('--card-number <issuer/serial>', '8025000001/2800636234')
    .option('--email <mailbox>', 'of a person, where the profile certifies it')
    .option('--common-name <text>', 'CN of an organisation’s service, or the first DNS name or mailbox')
    .option('--dns <name>', 'DNS name of a server; repeatable', collect)
    .option('--mailbox <mailbox>', 'of a server; repeatable', collect)
    .option('--out <file>', 'write certificate and chain here, PEM, without the root')
    .option(...DRY_RUN)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', HELP)
    .action((profile: string, options: IssueOptions, command: Command) => {
      if ((options.csr === undefined) === (options.newKey === undefined))
        command.error('error: say --csr or --new-key, one of the two');
      return issue(profile, options, command);
    });
}

async function issue(profileName: string, options: IssueOptions, command: Command): Promise<void> {
  refuseUnwritable(options.out);
  await withSystem(async (system) => {
    const profile = system.policies.profiles.get(profileName);
    if (profile === undefined) throw new Refusal('profile_unknown', `there is no profile ${profileName}`);
    const wrong = wrongOptions(profile, options);
    if (wrong !== undefined) command.error(wrong);
    const order = {
      profile: profile.name,
      holder: await holderOf(system.db.read, profile, options),
      names: namesOf(options),
      actor: operator(),
    };
    if (options.dryRun)
      printPlan(await planCertificate(system, { ...order, key: { csr: rehearsedRequest(options) } }), options);
    else printIssued(await issueOne(system, order, options), options);
  });
}

type Order = Omit<IssueCommand, 'key' | 'settle'>;

async function issueOne(system: OpenSystem, order: Order, options: IssueOptions): Promise<CertificateDocument> {
  const { csr, keep, discard } = requestOf(options);
  let committing = false;
  const settle = async (): Promise<void> => {
    committing = true;
  };
  try {
    const issued = await issueCertificate(system, { ...order, key: { csr }, settle });
    return await readBack(system, issued.id);
  } catch (error) {
    if (!committing && isUnsigned(error)) discard();
    else keep();
    throw error;
  }
}

/** Whether no signature can exist after this end: only then is the key worth nothing. */
const isUnsigned = (error: unknown): boolean =>
  error instanceof Refusal || (error instanceof Outage && error.signature === 'none');

/** The request as it is, or one of a key like the one that would be made, which nobody keeps. */
function rehearsedRequest({ csr, newKey, keyType }: IssueOptions): Uint8Array {
  if (csr !== undefined) return readCsrText(readInput(csr));
  refuseUnwritable(newKey, '--new-key');
  if (newKey !== undefined && existsSync(newKey)) throw unusableFile('--new-key', newKey, { code: 'EEXIST' });
  return makeRequest(keyType).csr;
}

function printPlan({ fields, names, key, ...plan }: IssuancePlan, { json }: IssueOptions): void {
  printDocument(
    {
      dryRun: true,
      profile: plan.profile,
      profileDigest: plan.profileDigest,
      issuer: plan.issuer,
      subject: plan.subjectText,
      holder: plan.holderKey,
      names: { ...names },
      key: key.type === 'rsa' ? `RSA-${key.bits}` : key.curve,
      notBefore: fields.notBefore.toISOString(),
      notAfter: fields.notAfter.toISOString(),
    },
    { json },
  );
  say('dry run: nothing was recorded or signed; the serial is drawn when it is');
}

type Request = {
  readonly csr: Uint8Array;
  /** the certificate may exist: tells where a key is that was made for it */
  readonly keep: () => void;
  /** no certificate comes of it: removes a key that was made for it */
  readonly discard: () => void;
};

function requestOf({ csr, newKey, keyType }: IssueOptions): Request {
  const nothing = (): void => undefined;
  if (csr !== undefined) return { csr: readCsrText(readInput(csr)), keep: nothing, discard: nothing };
  const path = newKey ?? '';
  const made = makeRequest(keyType);
  createKeyFile(path, made.privateKey);
  return {
    csr: made.csr,
    keep: () => say(`the key stays in ${path}, for its certificate may exist: igc certificate list --key ${path}`),
    discard: () => rmSync(path),
  };
}

function createKeyFile(path: string, privateKey: string): void {
  try {
    createFileDurably(path, privateKey, 0o600);
  } catch (error) {
    throw unusableFile('--new-key', path, error);
  }
}

function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unusableFile('--csr', path, error);
  }
}

/** Before anything is issued: a certificate whose file cannot be written is a nuisance. */
function refuseUnwritable(path: string | undefined, option = '--out'): void {
  if (path === undefined) return;
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw unusableFile(option, path, error);
  }
}

function namesOf({ commonName, dns = [], mailbox = [] }: IssueOptions): RequestedNames {
  return {
    ...(commonName === undefined ? {} : { commonName }),
    ...(dns.length === 0 ? {} : { dnsNames: dns }),
    ...(mailbox.length === 0 ? {} : { emailAddresses: mailbox }),
  };
}

async function readBack(system: OpenSystem, id: string): Promise<CertificateDocument> {
  const row = await findCertificate(system.db.read, id);
  if (row === undefined) throw new Error('the certificate that was just issued is not there');
  return certificateDocument(row, {
    hierarchy: system.policies.hierarchy,
    authorities: system.authorities,
    now: system.clock(),
  });
}

/** Certificate and chain go to the file if there is one, else to stdout, and the facts to where they do not mix with them. */
function printIssued(document: CertificateDocument, { out, json }: IssueOptions): void {
  const pem = writeChain(document, out);
  if (json || out !== undefined) printDocument(json ? document : withoutPem(document), { json });
  else {
    process.stdout.write(pem ?? '');
    for (const [name, value] of Object.entries(withoutPem(document))) say(`${name}: ${value ?? ''}`);
  }
}

/** The PEM of certificate and chain, written to `out` as well if that is named; undefined when there is no certificate. */
export function writeChain(document: CertificateDocument, out: string | undefined): string | undefined {
  const pem = pemChain(document);
  if (out !== undefined && pem !== undefined) writeFileSync(out, pem);
  return pem;
}
