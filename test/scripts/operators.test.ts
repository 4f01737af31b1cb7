import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareService, type Service, until } from '../helpers/service.ts';
import { judge, madeBy } from '../x509/judges.ts';
import { type Ran, runHere } from './run-igc.ts';

const ANS = '318751275100020';
const HOSPITAL = '10B0057881';
const OPERATOR = `operator:${userInfo().username}`;

let service: Service;
const igc = (...args: string[]): Promise<Ran> => runHere(service.environment, ...args);
const file = (name: string): string => join(service.directory, name);
const errorOf = ({ stderr }: Ran) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}');

async function audited(kind: string): Promise<{ actor: string; content: unknown }[]> {
  const { rows } = await service.database.db.read.execute<{ actor: string; content: unknown }>(
    sql`select actor, content from audit_event where kind = ${kind} order by id`,
  );
  return rows;
}

beforeAll(async () => {
  service = await prepareService();
  await service.igc('hierarchy', 'create');
  service.start('signer issuing');
  service.start('signer ocsp');
  await until(async () =>
    (await igc('doctor', '--json')).json().some(({ check, state }) => check === 'issuing signer' && state === 'ok'),
  );
  for (const [id, name] of [
    [ANS, 'AGENCE DU NUMERIQUE EN SANTE'],
    [HOSPITAL, 'HOPITAL GENERIQUE TEST'],
  ] as const) {
    expect(await igc('structure', 'add', '--id', id, '--name', name, '--department', '75')).toMatchObject({ code: 0 });
  }
  writeFileSync(
    file('card.csr'),
    madeBy('openssl', {}, 'csr', ...'req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=x -out csr'.split(' ')),
  );
}, 300_000);
afterAll(() => service.stop());

const CPS = [
  'cps-auth',
  '--id-nat-ps',
  '899700075064',
  '--family-name',
  'DURAND',
  '--given-name',
  'ANNE',
  '--profession',
  '10',
];
const CARD = ['--card-number', '8025000001/2800636234'];

describe('igc structure', () => {
  test('every structure is listed by its identifier', async () => {
    const { json } = await igc('structure', 'list', '--json');
    expect(json()).toMatchObject([
      { structIdNat: HOSPITAL, name: 'HOPITAL GENERIQUE TEST', department: '75' },
      { structIdNat: ANS, name: 'AGENCE DU NUMERIQUE EN SANTE', department: '75' },
    ]);
    expect(await audited('structure_added')).toMatchObject([
      { actor: OPERATOR, content: { structIdNat: ANS } },
      { actor: OPERATOR, content: { structIdNat: HOSPITAL } },
    ]);
  });

  test('a known identifier is refused', async () => {
    const again = await igc('structure', 'add', '--id', ANS, '--name', 'OTHER', '--department', '75', '--json');
    expect(again.code).toBe(3);
    expect(errorOf(again)).toMatchObject({ code: 'already_exists' });
  });

  test('everything wrong is said at once', async () => {
    const wrong = await igc(
      'structure',
      'add',
      '--id',
      '318751275100021',
      '--name',
      ' ',
      '--department',
      '7',
      '--json',
    );
    expect(wrong.code).toBe(3);
    expect(errorOf(wrong).findings.map(({ at }: { at: string }) => at)).toEqual(['--id', '--name', '--department']);
  });
});

describe('igc certificate issue', () => {
  test('a CPS comes with its chain, which openssl verifies, and can be shown again by serial', async () => {
    const issued = await igc(
      'certificate',
      'issue',
      ...CPS,
      ...CARD,
      '--csr',
      file('card.csr'),
      '--out',
      file('card.pem'),
      '--json',
    );
    expect(issued).toMatchObject({ code: 0 });
    const [document] = issued.json();
    expect(document).toMatchObject({
      profile: 'cps-auth',
      state: 'issued',
      issuer: 'ACI-FO-PP-TEST',
      holder: '899700075064',
      actor: OPERATOR,
    });
    const pem = readFileSync(file('card.pem'), 'utf8');
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const root = [document?.chain ?? []].flat().map(String).at(-1) ?? '';
    expect(
      judge(
        'openssl',
        { 'card.pem': pem, 'root.pem': root },
        ...'verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted card.pem card.pem'.split(' '),
      ),
    ).toBe('card.pem: OK\n');
    const colons = String(document?.serial).toUpperCase().match(/../g)?.join(':') ?? '';
    expect((await igc('certificate', 'show', colons, '--json')).json()).toEqual([document]);
  });

  test('an API certificate is made with a new key of the owner’s alone', async () => {
    const args = ['serv-ssl', '--structure', ANS, '--dns', 'api.demo.igc-sante.fr', '--dns', 'autre.demo.igc-sante.fr'];
    const { code, stdout } = await igc(
      'certificate',
      'issue',
      ...args,
      '--new-key',
      file('api.key'),
      '--key-type',
      'p-256',
    );
    expect(code).toBe(0);
    expect(statSync(file('api.key')).mode & 0o777).toBe(0o600);
    const said = judge(
      'openssl',
      { 'api.pem': stdout },
      ...'x509 -in api.pem -noout -subject -ext subjectAltName -pubkey'.split(' '),
    );
    expect(said).toContain('CN = api.demo.igc-sante.fr');
    expect(said).toContain('DNS:api.demo.igc-sante.fr, DNS:autre.demo.igc-sante.fr');
    const key = judge(
      'openssl',
      { 'api.key': readFileSync(file('api.key')) },
      ...'pkey -in api.key -pubout'.split(' '),
    );
    expect(said).toContain(key);
    const again = await igc('certificate', 'issue', ...args, '--new-key', file('api.key'));
    expect(again.code).toBe(2);
  });

  test('a CPE carries the employee’s number at the structure', async () => {
    writeFileSync(
      file('cpe.csr'),
      madeBy('openssl', {}, 'csr', ...'req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=x -out csr'.split(' ')),
    );
    const employee = [
      '--structure',
      HOSPITAL,
      '--registry-number',
      'CPET0002',
      '--family-name',
      'MARTIN',
      '--given-name',
      'PAUL',
    ];
    const issued = await igc(
      'certificate',
      'issue',
      'cpe-auth',
      ...employee,
      ...CARD,
      '--csr',
      file('cpe.csr'),
      '--json',
    );
    expect(issued.json()).toMatchObject([
      { holder: '30B0057881/CPET0002', structure: HOSPITAL, issuer: 'ACI-ST-PP-TEST' },
    ]);
  });

  test('a refused request leaves no key file behind', async () => {
    const refused = await igc(
      'certificate',
      'issue',
      'serv-ssl',
      '--structure',
      ANS,
      '--dns',
      'intranet',
      '--new-key',
      file('no.key'),
      '--json',
    );
    expect(refused.code).toBe(3);
    expect(errorOf(refused)).toMatchObject({ code: 'name_not_allowed' });
    expect(existsSync(file('no.key'))).toBe(false);
  });

  test.each<[string, string[], number, string | undefined]>([
    ['a key that has a certificate', [...CPS, ...CARD, '--csr', 'card.csr'], 3, 'key_reused'],
    ['a profile that does not exist', ['serv-ftp', '--csr', 'card.csr'], 3, 'profile_unknown'],
    ['a profile of the service itself', ['ocsp-responder', '--csr', 'card.csr'], 3, 'profile_not_orderable'],
    [
      'a structure that is unknown',
      ['serv-ssl', '--structure', '10B0039129', '--dns', 'a.igc-sante.fr', '--csr', 'card.csr'],
      3,
      'holder_unknown',
    ],
    ['options of another holder', ['cps-auth', '--structure', ANS, '--csr', 'card.csr'], 2, undefined],
    ['a request that is not there', [...CPS, ...CARD, '--csr', 'missing.csr'], 2, undefined],
    [
      'a place to write that is not there',
      [...CPS, ...CARD, '--csr', 'card.csr', '--out', 'missing/card.pem'],
      2,
      undefined,
    ],
  ])('%s is refused', async (_, args, code, refusal) => {
    const placed = args.map((arg) => (/\.(csr|pem)$/.test(arg) ? file(arg) : arg));
    const refused = await igc('certificate', 'issue', ...placed, '--json');
    expect(refused.code).toBe(code);
    if (refusal !== undefined) expect(errorOf(refused)).toMatchObject({ code: refusal });
  });
});

describe('igc certificate list, show and revoke', () => {
  test('the list is filtered, and read page by page', async () => {
    const all = (await igc('certificate', 'list', '--json')).json();
    expect(all.map(({ profile }) => profile)).toEqual(['cpe-auth', 'serv-ssl', 'cps-auth']);
    const first = await igc('certificate', 'list', '--limit', '2', '--json');
    const last = String(first.json().at(-1)?.id);
    expect(first.stderr).toContain(`--after ${last}`);
    expect((await igc('certificate', 'list', '--after', last, '--json')).json()).toEqual(all.slice(2));
    expect((await igc('certificate', 'list', '--structure', HOSPITAL, '--json')).json()).toEqual(all.slice(0, 1));
  });

  test('a certificate is found by its key in a file, by a date, and by what its subject begins with', async () => {
    const [server] = (await igc('certificate', 'list', '--profile', 'serv-ssl', '--json')).json();
    const found = async (...args: string[]) => (await igc('certificate', ...args, '--json')).json().map(({ id }) => id);
    await igc('certificate', 'show', String(server?.id), '--out', file('server.pem'));
    expect(await found('list', '--key', file('server.pem'))).toEqual([server?.id]);
    expect(await found('list', '--key', String(server?.keyDigest))).toEqual([server?.id]);
    expect(await found('list', '--serial', String(server?.serial), '--state', 'issued')).toEqual([server?.id]);
    expect(await found('list', '--created-to', '2026-01-01')).toEqual([]);
    expect(await found('search', 'API.demo')).toEqual([server?.id]);
    expect(await found('search', String(server?.serial))).toEqual([server?.id]);
    expect(await found('search', HOSPITAL)).toHaveLength(1);
    for (const wrong of [
      ['search', 'ab'],
      ['list', '--created-to', '2026-02-30'],
      ['list', '--key', 'nowhere.pem'],
    ])
      expect((await igc('certificate', ...wrong)).code).toBe(2);
  });

  test('an export is every certificate as CSV or NDJSON, with its progress on stderr', async () => {
    const ndjson = await igc('certificate', 'export', '--format', 'ndjson');
    expect(ndjson.json()).toEqual((await igc('certificate', 'list', '--json')).json());
    expect(ndjson.stderr).toContain('3 certificates exported');
    const csv = await igc('certificate', 'export', '--out', file('all.csv'), '--profile', 'serv-ssl');
    expect([csv.code, csv.stdout]).toEqual([0, '']);
    expect(statSync(file('all.csv')).mode & 0o777).toBe(0o600);
    const [head, line, end] = readFileSync(file('all.csv'), 'utf8').split('\r\n');
    expect(head).toMatch(/^"id","profile","state",/);
    expect(line).toContain(',"serv-ssl","issued",');
    expect(end).toBe('');
  });

  test('an export overwrites nothing, and says what to do', async () => {
    writeFileSync(file('kept.csv'), 'kept');
    const refused = await igc('certificate', 'export', '--out', file('kept.csv'));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('name a file that does not exist yet') });
    expect(readFileSync(file('kept.csv'), 'utf8')).toBe('kept');
  });

  test('what is not there ends with 4', async () => {
    for (const name of ['00ff', '0199aa00-0000-7000-8000-000000000000', 'nonsense']) {
      expect((await igc('certificate', 'show', name)).code).toBe(4);
    }
  });

  test('a revoked certificate stays revoked; only its reason rises to keyCompromise; the next CRL names it', async () => {
    const [server] = (await igc('certificate', 'list', '--profile', 'serv-ssl', '--json')).json();
    const revoke = (reason: string) =>
      igc('certificate', 'revoke', String(server?.serial), '--reason', reason, '--json');
    expect((await revoke('superseded')).json()).toMatchObject([{ state: 'revoked', reason: 'superseded' }]);
    const again = await revoke('unspecified');
    expect([again.code, errorOf(again).code]).toEqual([3, 'already_revoked']);
    expect((await revoke('keyCompromise')).json()).toMatchObject([{ state: 'revoked', reason: 'keyCompromise' }]);
    expect((await igc('crl', 'publish', 'ACI-EL-ORG-TEST', '--json')).json()).toMatchObject([
      { issuer: 'ACI-EL-ORG-TEST', number: 1, entries: 1 },
    ]);
    expect((await igc('crl', 'list', 'ACI-EL-ORG-TEST', '--json')).json()).toMatchObject([
      { number: 1, state: 'published', entries: 1 },
    ]);
    expect((await igc('crl', 'publish', 'ACR-EL-TEST')).code).toBe(4);
  });
});

describe('igc administrator', () => {
  test('a card of ours is a login; structures can be added later', async () => {
    const added = await igc('administrator', 'add', '--certificate', file('card.pem'), '--structure', ANS, '--json');
    expect(added.json()).toMatchObject([
      { issuingCa: 'ACI-FO-PP-TEST', cardProfile: 'cps-auth', nationalId: '899700075064', structures: [ANS] },
    ]);
    const parts = ['--issuing-ca', 'ACI-FO-PP-TEST', '--card-profile', 'cps-auth', '--national-id', '899700075064'];
    await igc('administrator', 'add', ...parts, '--structure', HOSPITAL);
    expect((await igc('administrator', 'list', '--json')).json()).toMatchObject([
      { nationalId: '899700075064', structures: [HOSPITAL, ANS] },
    ]);
    const again = await igc('administrator', 'add', ...parts, '--structure', HOSPITAL, '--json');
    expect([again.code, errorOf(again).code]).toEqual([3, 'already_exists']);
    expect((await audited('administrator_added')).map(({ actor }) => actor)).toEqual([OPERATOR]);
  });

  test.each<[string, string[], string]>([
    [
      'a software certificate’s profile',
      ['--issuing-ca', 'ACI-EL-ORG-TEST', '--card-profile', 'serv-ssl', '--national-id', '899700075064'],
      'holder_invalid',
    ],
    [
      'another CA than the card’s',
      ['--issuing-ca', 'ACI-ST-PP-TEST', '--card-profile', 'cps-auth', '--national-id', '899700075064'],
      'holder_invalid',
    ],
    [
      'a wrong check digit',
      ['--issuing-ca', 'ACI-FO-PP-TEST', '--card-profile', 'cps-auth', '--national-id', '899700075065'],
      'identifier_invalid',
    ],
    [
      'a profile that does not exist',
      ['--issuing-ca', 'ACI-FO-PP-TEST', '--card-profile', 'cpx', '--national-id', '899700075064'],
      'profile_unknown',
    ],
    [
      'an unknown structure',
      [
        '--issuing-ca',
        'ACI-FO-PP-TEST',
        '--card-profile',
        'cps-auth',
        '--national-id',
        '899700000005',
        '--structure',
        '1',
      ],
      'holder_unknown',
    ],
    ['a file that is no certificate', ['--certificate', 'card.csr'], 'holder_invalid'],
    ['a certificate that we did not issue', ['--certificate', 'foreign.pem'], 'holder_invalid'],
  ])('%s is no login', async (_, args, code) => {
    writeFileSync(
      file('foreign.pem'),
      madeBy(
        'openssl',
        {},
        'out',
        ...'req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=899700075064 -out out'.split(' '),
      ),
    );
    const placed = args.map((arg) => (/\.(csr|pem)$/.test(arg) ? file(arg) : arg));
    const refused = await igc('administrator', 'add', ...placed, '--json');
    expect([refused.code, errorOf(refused).code]).toEqual([3, code]);
  });
});

// Last, for others count the certificates.
test('deploy/api-certificate.sh makes a fitting pair of the caller’s alone, and another in its place', () => {
  const [key, pem] = [file('tls/api.key'), file('tls/api.pem')];
  mkdirSync(file('tls'));
  const env = {
    ...{ PATH: process.env.PATH, ...service.environment },
    ...{ API_TLS_KEY_FILE: key, API_TLS_CERTIFICATE_FILE: pem },
  };
  const make = (name: string) =>
    execFileSync('sh', ['deploy/api-certificate.sh', '--structure', ANS, '--dns', name], { env, stdio: 'pipe' });
  const made = [1, 2].map(() => {
    make('tls.demo.igc-sante.fr');
    expect(new X509Certificate(readFileSync(pem)).checkPrivateKey(createPrivateKey(readFileSync(key)))).toBe(true);
    expect([key, pem].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    return readFileSync(key, 'utf8');
  });
  expect(new Set(made).size).toBe(2);
  expect(() => make('intranet')).toThrow(/name_not_allowed/);
  expect(readFileSync(key, 'utf8')).toBe(made[1]);
  expect(readdirSync(file('tls')).sort()).toEqual(['api.key', 'api.pem']);
});

describe('the file of --new-key', () => {
  const order = (key: string, environment: Readonly<Record<string, string>> = {}) =>
    runHere(
      { ...service.environment, ...environment },
      ...['certificate', 'issue', 'serv-ssl', '--structure', ANS, '--dns', 'key.demo.igc-sante.fr'],
      ...['--new-key', key, '--key-type', 'p-256'],
    );

  test('stays where the COMMIT of the result was lost, for the certificate may exist', async () => {
    const { read } = service.database.db;
    // the server breaks the connection off while it commits
    await read.execute(
      sql.raw(`create function lose_commit() returns trigger language plpgsql as
        'begin perform pg_terminate_backend(pg_backend_pid()); return null; end'`),
    );
    await read.execute(
      sql.raw(`create constraint trigger lose_commit after insert on audit_event deferrable initially deferred
        for each row when (new.kind = 'certificate_issued') execute function lose_commit()`),
    );
    try {
      const lost = await order(file('kept.key'));
      expect(lost).toMatchObject({ code: 69, stderr: expect.stringContaining('the key stays in ') });
      expect(createPrivateKey(readFileSync(file('kept.key'))).asymmetricKeyType).toBe('ec');
    } finally {
      await read.execute(sql.raw('drop trigger lose_commit on audit_event'));
      await read.execute(sql.raw('drop function lose_commit'));
    }
  });

  test('goes where the signer was never reached, for nothing can have been signed', async () => {
    mkdirSync(file('nobody'));
    expect(await order(file('gone.key'), { SIGNER_SOCKETS: file('nobody') })).toMatchObject({ code: 69 });
    expect(existsSync(file('gone.key'))).toBe(false);
  });
});
