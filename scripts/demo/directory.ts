// The LDAP directory of the demo: an OpenLDAP of its own where slapd is installed, and what anybody finds in it.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { isInstalled, startSlapd } from '../slapd.ts';
import { atEnd } from './ending.ts';
import { type Environment, freePort } from './place.ts';
import { type Made, type Stage, until } from './stage.ts';

export const LDAP_BASE = 'ou=IGC-SANTE TEST,ou=0002 187512751,o=ASIP-SANTE,c=FR';
/** The port that people expect is for root alone; this one is as easily known. */
const PORT = 3890;

/** Starts the directory, and gives what the roles are told of it; nothing where slapd is not installed. */
export async function startDirectory({ serve }: { serve: boolean }): Promise<Environment> {
  if (!isInstalled()) return {};
  const slapd = startSlapd({ port: await freePort(serve ? PORT : 0) });
  atEnd(async () => (await slapd).stop());
  const { url, bindDn, passwordFile } = await slapd;
  return { LDAP_URL: url, LDAP_BIND_DN: bindDn, LDAP_PASSWORD_FILE: passwordFile };
}

/** Its name is a mailbox, and nobody in the demo consents to have that shown. */
const NAMED_BY_MAILBOX = 'serv-smime';

const isShown = ({ profile, status }: Made): boolean => status === 'good' && profile !== NAMED_BY_MAILBOX;

/** Waits until ldapsearch finds every certificate of a structure that is to be shown, and no other; answers how many it finds. */
export async function findInDirectory({ environment }: Stage, made: readonly Made[]): Promise<number> {
  const ofStructures = made.filter(({ profile }) => /^(org|serv)-/.test(profile));
  const base = `ou=Structures,${LDAP_BASE}`;
  const args = ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', environment.LDAP_URL ?? '', '-b', base];
  let found: ReadonlySet<string> = new Set();
  await until('the directory has what is to be shown and nothing else', async () => {
    const { stdout } = await promisify(execFile)('ldapsearch', [...args, 'userCertificate;binary'], {
      maxBuffer: 1 << 26,
    });
    found = new Set(
      [...stdout.matchAll(/^userCertificate;binary:: (.*)$/gm)].map(([, base64 = '']) =>
        createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex'),
      ),
    );
    return ofStructures.every((one) => found.has(one.sha256) === isShown(one));
  });
  return found.size;
}
