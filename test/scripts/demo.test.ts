// The demo, run twice at the same time in two folders: once in peace, and once with a file altered between its making and the
// reading back. Then every kind of alteration of what the first has left.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBack } from '../../scripts/demo/read-back.ts';
import { told } from '../helpers/judges.ts';
import { policies } from '../policy/policies.ts';
import { until } from './parent.ts';
import { type Demo, demoDirectory, processesOf, removeDirectory, startDemo, temporaryFolderOf } from './run-demo.ts';

const ORDERED = [...policies.profiles.values()].filter(({ issuedBy }) => issuedBy === 'order').map(({ name }) => name);
const PROFILES = ['cps-auth', 'cpe-auth', ...ORDERED];
const REVOKED = 'org-auth-cli';
const AUTHORITIES = ['FO', 'ST', 'EL'].flatMap((gamme) => [
  ...[`ACI-${gamme}-ORG-TEST`, `ACI-${gamme}-PP-TEST`, `ACR-${gamme}-TEST`],
]);

type End = Awaited<Demo['ended']>;
let directory = '';
let another = '';
let inPeace: End;
let altered: End;
let refused: End;
/** how many processes of the demo were seen while it ran */
let seen = 0;

beforeAll(async () => {
  [directory, another] = [await demoDirectory(), await demoDirectory()];
  await told('openssl', another, ...'req -new -newkey rsa:2048 -noenc -subj /CN=x -keyout x.key -out x.csr'.split(' '));
  const [peaceful, meddled] = [startDemo(directory), startDemo(another)];
  await Promise.race([peaceful.ended, until(() => peaceful.stdout().includes(' 1. '))]);
  const second = startDemo(directory);
  // the request was used when the certificate is there, and it is read back seconds later
  await Promise.race([meddled.ended, until(() => existsSync(join(another, 'certificates', 'cpe-auth.pem')))]);
  cpSync(join(another, 'x.csr'), join(another, 'requests', 'cpe-auth.csr'));
  seen = processesOf(another).length;
  [refused, altered, inPeace] = await Promise.all([second.ended, meddled.ended, peaceful.ended]);
}, 300_000);

afterAll(() => [directory, another].forEach(removeDirectory));

describe('npm run demo', () => {
  it('ends with 0 after a dozen numbered lines and a table', () => {
    expect(inPeace).toMatchObject({ status: 0, stderr: '' });
    const lines = inPeace.stdout.split('\n');
    expect(lines.filter((line) => /^ ?\d+\. /.test(line)).length).toBeLessThanOrEqual(13);
    expect(Math.max(...lines.slice(0, -2).map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('leaves the files of everything that it shows', () => {
    const names = (folder: string): string[] => readdirSync(join(directory, folder)).sort();
    expect(names('ca')).toEqual([...AUTHORITIES.map((id) => `${id}.cer`), 'roots.pem'].sort());
    expect(names('crl')).toEqual(AUTHORITIES.map((id) => `${id}.crl`).sort());
    expect(names('requests')).toEqual(PROFILES.map((profile) => `${profile}.csr`).sort());
    expect(names('keys')).toEqual(PROFILES.map((profile) => `${profile}.key`).sort());
    expect(names('certificates')).toEqual(PROFILES.map((profile) => `${profile}.pem`).sort());
    expect(names('ocsp')).toEqual(PROFILES.map((profile) => `${profile}.der`).sort());
    const summary = JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8'));
    expect(summary.certificates.map(({ profile }: { profile: string }) => profile)).toEqual(PROFILES);
  });

  it('shows the mail of a notice as its reader receives it', () => {
    expect(readdirSync(join(directory, 'mail')).sort()).toEqual(['01.eml', '01.txt']);
    const read = readFileSync(join(directory, 'mail', '01.txt'), 'utf8');
    expect(read).toMatch(
      /^From: \S+\nTo: dsi@ch-demonstration\.fr\nSubject: \[Essai\] .*serv-ssl\.ch-demonstration\.fr\n\nBonjour,/,
    );
    expect(read).toContain('Générez une nouvelle clé');
    expect(readFileSync(join(directory, 'mail', '01.eml'), 'utf8')).toContain('text/calendar');
    expect(inPeace.stdout).toContain(/^Subject: (.*)$/m.exec(read)?.[1] ?? 'no subject');
  });

  it('keeps private keys for their owner', () => {
    const modes = readdirSync(join(directory, 'keys')).map(
      (name) => statSync(join(directory, 'keys', name)).mode & 0o777,
    );
    expect(new Set(modes)).toEqual(new Set([0o600]));
    expect(statSync(join(directory, 'tls', 'api.key')).mode & 0o777).toBe(0o600);
  });

  it.each(PROFILES)('shows of %s what openssl reads in its files', async (profile) => {
    const file = `certificates/${profile}.pem`;
    const facts = await told(
      ...(['openssl', directory, 'x509', '-in', file, '-noout', '-subject', '-serial', '-issuer'] as const),
      ...['-nameopt', 'RFC2253,utf8,-esc_msb'],
    );
    const answer = await told(
      'openssl',
      directory,
      'ocsp',
      '-respin',
      `ocsp/${profile}.der`,
      '-noverify',
      '-resp_text',
    );
    const row = rowOf(inPeace.stdout, profile);
    expect(facts).toContain(`subject=${row.subject}\n`);
    expect(facts.toLowerCase()).toContain(`serial=${row.serial}\n`);
    const ca = ['x509', '-in', `ca/${row.verifiedBy}.cer`, '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb'];
    expect(facts).toContain((await told('openssl', directory, ...ca)).replace('subject=', 'issuer='));
    const text = await told('openssl', directory, 'x509', '-in', file, '-noout', '-text');
    const [, bits] = /rsaEncryption\s+Public-Key: \((\d+) bit\)/.exec(text) ?? [];
    expect(row.key).toBe(bits === undefined ? /NIST CURVE: (\S+)/.exec(text)?.[1] : `RSA-${bits}`);
    expect(row.status).toBe(profile === REVOKED ? 'revoked' : 'good');
    expect(answer).toContain(`Cert Status: ${row.status}`);
  });

  it('orders every profile that can be ordered, two of them with EC keys, for a hospital, a company and two professionals', () => {
    const rows = ORDERED.map((profile) => rowOf(inPeace.stdout, profile));
    expect(rows.map(({ key }) => key).filter((key) => key !== 'RSA-2048')).toEqual(['P-384', 'P-256']);
    // Struct_IdNat of a structure in OU, IdNat_PS of a person in CN: the first digit names the register
    const kinds = rows.map(({ subject }) => [
      ...[/OU=(\d)/.exec(subject)?.[1] ?? '', /CN=(\d)\w+(?:\/\w+)?[+,]/.exec(subject)?.[1] ?? ''],
    ]);
    expect(new Set(kinds.map(([structure, person]) => `${structure}/${person}`))).toEqual(
      new Set(['1/', '3/', '1/3', '/8', '/0']),
    );
    const people = rows.flatMap(({ subject }) => /CN=[08]\w+/.exec(subject) ?? []);
    expect(new Set(people).size).toBe(2);
    for (const profile of ORDERED)
      expect(inPeace.stdout).toMatch(new RegExp(`^ ?\\d+\\. ordered .*\\b${profile}\\b`, 'm'));
  });

  it('leaves nothing that runs, no temporary folder, and no open port', async () => {
    expect(seen).toBeGreaterThan(5);
    for (const place of [directory, another]) {
      expect(processesOf(place)).toEqual([]);
      expect(existsSync(temporaryFolderOf(place))).toBe(false);
    }
    const ports = [...inPeace.stdout.matchAll(/port (\d+)/g)].map((match) => Number(match[1]));
    expect(ports).toHaveLength(2);
    for (const port of ports) expect(await isOpen(port)).toBe(false);
  });

  it('refuses to run twice at once in one folder, in one line, and the first goes on', () => {
    expect(refused.status).toBe(1);
    expect(refused.stderr.trim()).toMatch(/^demo failed: another demo is running in .*$/);
    expect(refused.stdout).toBe('');
    expect(inPeace.status).toBe(0);
  });

  it('fails when a file is altered before it is read back, and names the file', () => {
    expect(altered.status).toBe(1);
    expect(altered.stderr.trim()).toMatch(/^demo failed: .*requests\/cpe-auth\.csr.*$/);
    expect(altered.stdout).not.toContain('verified by');
  });
});

describe('reading back', () => {
  type Alteration = readonly [what: string, alter: (copy: string) => void, named: RegExp];
  const swap =
    (file: string, by: string, from = () => directory) =>
    (copy: string): void =>
      cpSync(join(from(), by), join(copy, file));
  const fromAnother = (file: string) => swap(file, file, () => another);
  const rewrite = (file: string, change: (text: string) => string) => (copy: string) =>
    writeFileSync(join(copy, file), change(readFileSync(join(copy, file), 'utf8')));
  const lastOctet = (file: string) => (copy: string) => {
    const der = readFileSync(join(copy, file));
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    writeFileSync(join(copy, file), der);
  };
  const remove = (file: string) => (copy: string) => rmSync(join(copy, file));

  const alterations: readonly Alteration[] = [
    ['another valid certificate', fromAnother('certificates/serv-ssl.pem'), /certificates\/serv-ssl\.pem/],
    ['an octet of a certificate', rewrite('certificates/cps-auth.pem', flipLast(0)), /certificates\/cps-auth\.pem/],
    [
      'an octet of its issuer in the same file',
      rewrite('certificates/serv-ssl.pem', flipLast(1)),
      /certificates\/serv-ssl\.pem/,
    ],
    [
      'an octet of the root in the same file',
      rewrite('certificates/org-auth-cli.pem', flipLast(2)),
      /certificates\/org-auth-cli\.pem/,
    ],
    [
      'words after a certificate',
      rewrite('certificates/cpe-auth.pem', (text) => `${text}x\n`),
      /certificates\/cpe-auth\.pem/,
    ],
    ['the request of another key', fromAnother('requests/serv-ssl.csr'), /requests\/serv-ssl\.csr/],
    ['an octet of a request', rewrite('requests/cps-auth.csr', flipLast(0)), /requests\/cps-auth\.csr/],
    ['another private key', fromAnother('keys/org-auth-cli.key'), /keys\/org-auth-cli\.key/],
    ['another private key on the same curve', fromAnother('keys/serv-ssl.key'), /keys\/serv-ssl\.key/],
    ['an octet of a private key on a curve', rewrite('keys/ps-sign.key', flipLast(0)), /keys\/ps-sign\.key/],
    ['an octet of a private key', rewrite('keys/cpe-auth.key', flipLast(0)), /keys\/cpe-auth\.key/],
    ['the CRL of another CA', swap('crl/ACI-EL-ORG-TEST.crl', 'crl/ACI-EL-PP-TEST.crl'), /crl\/ACI-EL-ORG-TEST\.crl/],
    ['a CRL that lacks the revocation', fromAnother('crl/ACI-EL-ORG-TEST.crl'), /crl\/ACI-EL-ORG-TEST\.crl/],
    ['an octet of a CRL', lastOctet('crl/ACR-ST-TEST.crl'), /crl\/ACR-ST-TEST\.crl/],
    ['no CRL', remove('crl/ACI-ST-ORG-TEST.crl'), /crl\//],
    ['the OCSP answer for another certificate', swap('ocsp/serv-ssl.der', 'ocsp/cpe-auth.der'), /ocsp\/serv-ssl\.der/],
    ['an octet of an OCSP answer', lastOctet('ocsp/cps-auth.der'), /ocsp\/cps-auth\.der/],
    ['an octet of an intermediate', lastOctet('ca/ACI-ST-PP-TEST.cer'), /ca\/ACI-ST-PP-TEST\.cer/],
    ['an octet of a root', lastOctet('ca/ACR-FO-TEST.cer'), /ca\/ACR-FO-TEST\.cer/],
    ['another intermediate', swap('ca/ACI-ST-ORG-TEST.cer', 'ca/ACI-ST-PP-TEST.cer'), /ACI-ST-ORG-TEST/],
    [
      'one root less for curl',
      rewrite('ca/roots.pem', (text) => text.slice(text.indexOf('-----END') + 26)),
      /ca\/roots\.pem/,
    ],
    ['good for revoked', rewrite('summary.json', (text) => text.replace('"revoked"', '"good"')), /summary\.json/],
    ['revoked for good', rewrite('summary.json', (text) => text.replace('"good"', '"revoked"')), /summary\.json/],
    ['an empty summary', rewrite('summary.json', () => '{ "certificates": [] }'), /summary\.json/],
    ['a summary that is none', rewrite('summary.json', () => '{'), /summary\.json/],
  ];

  it('believes the files as they were left', async () => {
    const verified = await startDemo(directory, '--verify').ended;
    expect(verified).toMatchObject({ status: 0, stderr: '' });
    expect(inPeace.stdout).toContain(verified.stdout);
  });

  it('by itself ends with 1 and names the file', async () => {
    const { status, stdout, stderr } = await startDemo(another, '--verify').ended;
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/requests\/cpe-auth\.csr/);
  });

  it.each(alterations)('refuses %s', async (_, alter, named) => {
    const copy = mkdtempSync(join(tmpdir(), 'igc-demo-copy-'));
    try {
      for (const name of readdirSync(directory).filter((entry) => entry !== 'state'))
        cpSync(join(directory, name), join(copy, name), { recursive: true });
      alter(copy);
      await expect(readBack(copy)).rejects.toThrow(named);
    } finally {
      removeDirectory(copy);
    }
  });
});

/** The row of a profile, by the columns that the rule under the head draws; its subject is joined again where the table broke it. */
function rowOf(stdout: string, profile: string) {
  const table = stdout.split('\n');
  const columns = [...(table.find((line) => line.startsWith('──')) ?? '').matchAll(/─+/g)];
  const at = table.findIndex((line) => line.startsWith(`${profile} `));
  const next = table.findIndex((line, index) => index > at && !line.startsWith(' '));
  const cells = columns.map((column) =>
    table.slice(at, next).map((line) => line.slice(column.index, column.index + column[0].length).trim()),
  );
  const [, subject = [], [serial, key] = [], [verifiedBy] = [], [status] = []] = cells;
  return { subject: subject.join(''), serial, key, verifiedBy, status };
}

/** Flips the last bit of the DER in the block of PEM at this place. */
function flipLast(block: number): (pem: string) => string {
  return (pem) => {
    let at = 0;
    return pem.replace(
      /(-----BEGIN [^-]+-----\n)([^-]+)(-----END)/g,
      (all, begin: string, base64: string, end: string) => {
        if (at++ !== block) return all;
        const der = Buffer.from(base64, 'base64');
        der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
        return `${begin}${der.toString('base64').replace(/.{64}/g, '$&\n')}\n${end}`;
      },
    );
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
