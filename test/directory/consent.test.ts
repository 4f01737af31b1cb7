// A certificate that holds a mailbox is in the LDAP directory while somebody consents to that, and at no other time.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { directoryLag } from '../../src/directory/lag.ts';
import type { DirectoryConnection } from '../../src/directory/ldap.ts';
import type { DirectoryFollower } from '../../src/directory/publish.ts';
import { reconcileDirectory } from '../../src/directory/reconcile.ts';
import { foldMailbox } from '../../src/policy/mailboxes.ts';
import { giveConsent, withdrawConsent } from '../../src/store/consent.ts';
import { fillCertificateStore } from '../../src/store/fill.ts';
import { HOSPITAL, issueTo, MARTIN, OPERATOR } from '../helpers/cast.ts';
import { BASE, type DirectoryStage, followedToTheEnd, prepareDirectory } from '../helpers/directory.ts';

const MAILBOX = 'zoe.martin@demo.igc-sante.fr';
const PERSON = {
  kind: 'professional',
  idNatPs: MARTIN,
  familyName: 'MARTIN',
  givenName: 'Zoé',
  profession: 60,
} as const;
const PERSON_DN = `cn=${MARTIN},ou=Professionnels,${BASE}`;

let stage: DirectoryStage;
let reader: DirectoryConnection;
let follower: DirectoryFollower;
let authentication: Uint8Array;
let signature: Uint8Array;
beforeAll(async () => {
  stage = await prepareDirectory();
  reader = stage.connection();
  follower = stage.follower('first');
  authentication = (await issueTo(stage.operator, { profile: 'ps-auth', holder: PERSON })).der;
  signature = (await issueTo(stage.operator, { profile: 'ps-sign', holder: { ...PERSON, email: MAILBOX } })).der;
  await fill();
  await follower.follow();
}, 120_000);
afterAll(() => stage?.stop());

const fill = () => fillCertificateStore(stage.system, 'filler');
const give = (mailbox: string) =>
  giveConsent(stage.operator, { mailbox: foldMailbox(mailbox), evidence: 'letter 1', actor: OPERATOR });
const withdraw = (mailbox: string) => withdrawConsent(stage.operator, { mailbox, actor: OPERATOR });
const differences = async () =>
  (await reconcileDirectory(stage.system, [reader, stage.connection()], { mend: false, holder: 'operator' }))
    .differences;

/** What anyone sees of an entry. */
async function seen(dn: string): Promise<{ certificates: Buffer[]; mail: string[] } | undefined> {
  const entry = await reader.read(dn, ['*']);
  if (entry === undefined) return undefined;
  const values = (name: string): readonly Buffer[] => entry.attributes.get(name) ?? [];
  return {
    certificates: [...values('usercertificate;binary')].sort(Buffer.compare),
    mail: values('mail').map(String),
  };
}
const sorted = (...ders: Uint8Array[]): Buffer[] => ders.map((der) => Buffer.from(der)).sort(Buffer.compare);
const withoutMail = () => ({ certificates: sorted(authentication), mail: [] });
const withMail = () => ({ certificates: sorted(authentication, signature), mail: [MAILBOX] });
const serviceDn = (name: string): string => `cn=${name},ou=${HOSPITAL.structIdNat},ou=Structures,${BASE}`;
const mailServer = (...emailAddresses: string[]) =>
  issueTo(stage.operator, {
    profile: 'serv-smime',
    holder: { kind: 'structure', ...HOSPITAL },
    names: { commonName: emailAddresses[0] ?? '', emailAddresses },
  });

describe('a professional', () => {
  afterEach(async () => {
    await withdraw(MAILBOX);
    await follower.follow();
  });

  it('is shown with what holds no mailbox while nobody has consented, and a comparison finds that right', async () => {
    expect(await seen(PERSON_DN)).toEqual(withoutMail());
    expect(await differences()).not.toContainEqual(expect.objectContaining({ entry: `["person","${MARTIN}"]` }));
  });

  it('who consents is shown with mailbox and certificate at the next look, and without both when that is withdrawn', async () => {
    await followedToTheEnd(stage, follower);
    expect(await give(MAILBOX)).toMatchObject({ certificates: 1, consented: 1 });
    expect((await directoryLag(stage.system)).rows).toBe(1);
    await follower.follow();
    expect(await seen(PERSON_DN)).toEqual(withMail());
    await followedToTheEnd(stage, follower);
    expect((await differences()).filter(({ entry }) => !entry.includes('authority'))).toEqual([]);
    expect(await withdraw(MAILBOX)).toMatchObject({ certificates: 1, consented: 0 });
    await follower.follow();
    expect(await seen(PERSON_DN)).toEqual(withoutMail());
  });

  it('who consents while LDAP is away is shown when it is back', async () => {
    await stage.slapd.halt();
    await give(MAILBOX);
    await expect(follower.follow()).rejects.toMatchObject({ what: 'directory' });
    await stage.slapd.resume();
    await follower.follow();
    expect(await seen(PERSON_DN)).toEqual(withMail());
  });

  it('who consented is missing in a directory that does not show it, and is there once it was mended', async () => {
    await give(MAILBOX);
    await follower.follow();
    await reader.replace(PERSON_DN, { mail: [], 'userCertificate;binary': [authentication] });
    expect(await differences()).toContainEqual({ kind: 'wrong', entry: `["person","${MARTIN}"]` });
    const options = { mend: true, holder: 'operator' };
    await reconcileDirectory(stage.system, [reader, stage.connection()], options);
    expect(await seen(PERSON_DN)).toEqual(withMail());
  });
});

describe('a mailbox of a structure', () => {
  it('names an entry that is there while somebody consents, and goes whole', async () => {
    const mailbox = 'secretariat@hopital-generique.fr';
    const { der } = await mailServer(mailbox);
    await fill();
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toBeUndefined();
    await give(mailbox);
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toEqual({ certificates: sorted(der), mail: [] });
    await withdraw(mailbox);
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toBeUndefined();
  });

  it('with others in one certificate is shown once there is a consent for each', async () => {
    const [first, second] = ['one@hopital-generique.fr', 'two@hopital-generique.fr'] as const;
    await mailServer(first, second);
    await fill();
    expect(await give(first)).toMatchObject({ certificates: 1, consented: 0 });
    await follower.follow();
    expect(await seen(serviceDn(first))).toBeUndefined();
    expect(await give(second)).toMatchObject({ certificates: 1, consented: 1 });
    await follower.follow();
    expect(await seen(serviceDn(first))).toBeDefined();
  });
});

describe('a certificate that the store has not met yet', () => {
  it('is shown though its mailbox was consented to after the directory had looked at it', async () => {
    const mailbox = 'late@hopital-generique.fr';
    await mailServer(mailbox);
    await follower.follow();
    expect(await give(mailbox)).toMatchObject({ certificates: 0 });
    await follower.follow();
    await fill();
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toBeDefined();
  });

  it('is not shown any more when the consent was withdrawn after the directory had looked at it', async () => {
    const mailbox = 'gone@hopital-generique.fr';
    await give(mailbox);
    await mailServer(mailbox);
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toBeDefined();
    await withdraw(mailbox);
    await fill();
    await follower.follow();
    expect(await seen(serviceDn(mailbox))).toBeUndefined();
  });
});
