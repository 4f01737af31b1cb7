// docker-compose.yml and the units of systemd against what the program knows: its roles, its variables, its exit codes. Neither was
// ever started by an engine here, so that a name that is wrong in them must show in a test.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CONFIG_NAMES } from '../../src/config.ts';
import { EXIT } from '../../src/roles/exit.ts';
import { accountNames, folderRules, readUnit, UNITS } from './systemd.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const text = (file: string): string => readFileSync(join(CHECKOUT, file), 'utf8');

/** Read by SoftHSM and by Node, not by us. */
const FOREIGN = ['SOFTHSM2_CONF', 'HOME'];

const DATABASE = ['DATABASE_URL_FILE', 'SIGNER_SOCKETS'];
const SIGNER = ['PKCS11_MODULE', 'SIGNER_SOCKETS', 'SIGNER_STATE', 'HIERARCHY_DIRECTORY'];
/** What each role asks for with `required`; the tests of roles that refuse to start hold the other half. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  api: [...DATABASE, 'API_LISTEN', 'API_TLS_KEY_FILE', 'API_TLS_CERTIFICATE_FILE'],
  public: [...DATABASE, 'PUBLIC_LISTEN'],
  worker: DATABASE,
  'signer issuing': [...SIGNER, 'ISSUING_PIN_FILE'],
  'signer ocsp': [...SIGNER, 'OCSP_PIN_FILE'],
};
const ROLES = Object.keys(REQUIRED).sort();

type Service = {
  readonly image: string;
  readonly command: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt: readonly string[];
  readonly network_mode?: string;
  readonly networks?: readonly string[];
  readonly env_file?: readonly { readonly path: string; readonly required: boolean }[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, { readonly driver_opts?: { readonly o: string } }>>;
};

const compose = parse(text('docker-compose.yml'), { merge: true }) as Compose;
const ours = Object.entries(compose.services).filter(([, { image }]) => image === 'igc-sante');
const running = ours.filter(([, { profiles }]) => profiles === undefined);
const roleOf = ({ command }: Pick<Service, 'command'>): string => command.slice(1).join(' ');
const serviceOf = (role: string): Service => {
  const found = running.find(([, service]) => roleOf(service) === role)?.[1];
  if (found === undefined) throw new Error(`no container is the role ${role}`);
  return found;
};
const named = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
};

it('the roles of src/main.ts are those that are deployed, but for `all`, which isolates nothing', () => {
  const usage = /const USAGE = 'usage: main\.ts (.*)'/.exec(text('src/main.ts'))?.[1]?.split(' | ');
  expect(usage?.filter((role) => role !== 'all').sort()).toEqual(ROLES);
  expect(running.map(([, service]) => roleOf(service)).sort()).toEqual(ROLES);
  const commands = UNITS.map((unit) => readUnit(unit).command.slice(1).join(' '));
  expect(commands.sort()).toEqual(ROLES.map((role) => `src/main.ts ${role}`));
});

describe('docker-compose.yml', () => {
  it.each(ours)('%s: every variable is one that is read', (_, { environment }) => {
    const names = Object.keys(environment).filter((name) => !FOREIGN.includes(name));
    expect(names.filter((name) => !(CONFIG_NAMES as readonly string[]).includes(name))).toEqual([]);
  });

  it.each(ROLES)('%s has what it needs, and no other role’s PIN or key', (role) => {
    const names = Object.keys(serviceOf(role).environment);
    expect(names).toEqual(expect.arrayContaining([...(REQUIRED[role] ?? [])]));
    const foreign = names.filter((name) => /_FILE$/.test(name) && !REQUIRED[role]?.includes(name));
    expect(foreign).toEqual([]);
  });

  it('every role has an account of its own, which is not root', () => {
    const users = running.map(([, { user }]) => user);
    expect(new Set(users).size).toBe(users.length);
    for (const user of users) expect(user).toMatch(/^1000\d:1000\d$/);
  });

  it.each(Object.entries(compose.services))(
    '%s can write nothing but its volumes, and gains no right',
    (_, service) => {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.cap_add ?? []).toEqual(
        service.profiles?.includes('ceremony') ? ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'] : [],
      );
    },
  );

  it('a signer has no network, and no two containers share a token but in a ceremony', () => {
    const holders = running.flatMap(([name, { volumes }]) =>
      volumes.flatMap((volume) => (volume.startsWith('token-') ? [[volume.split(':')[0], name]] : [])),
    );
    expect(holders).toEqual([
      ['token-issuing', 'signer-issuing'],
      ['token-ocsp', 'signer-ocsp'],
    ]);
    for (const [, name = ''] of holders) expect(compose.services[name]?.network_mode).toBe('none');
  });

  it.each(ours)('%s: secrets and files that it names are there for it', (_, { environment, secrets, volumes }) => {
    const places = [
      ...secrets.map((secret) => `/run/secrets/${secret}`),
      ...volumes.map((volume) => `${volume.split(':')[1]}/`),
    ];
    const files = Object.entries(environment).filter(([name]) => /_FILE$/.test(name));
    const lost = files.filter(
      ([, file]) => !places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place)),
    );
    expect(lost).toEqual([]);
    expect(secrets.filter((secret) => compose.secrets[secret] === undefined)).toEqual([]);
  });

  it('only who calls mail server and directory has a way out, and finds there what the documentation names', () => {
    const named = (has: (service: Service) => boolean) =>
      Object.entries(compose.services).filter(([, service]) => has(service));
    const out = named(({ env_file }) => env_file !== undefined);
    expect(out.map(([name]) => name)).toEqual(['worker', 'operator']);
    expect(named(({ networks }) => networks?.includes('outside') === true)).toEqual(out);
    for (const [name, { env_file, networks, volumes }] of out) {
      expect(env_file).toEqual([{ path: './var/outside.env', required: false }]);
      expect(networks).toContain('outside');
      expect(volumes).toContain(`./var/secrets/${name}:/etc/igc-sante/outside:ro`);
    }
    const [, shown = ''] = /```text\n(SMTP_URL=[\s\S]*?)```/.exec(text('docs/deployment.md')) ?? [];
    const lines = shown
      .trim()
      .split('\n')
      .map((line) => line.split('='));
    expect(lines.length).toBeGreaterThan(3);
    for (const [variable = '', value = ''] of lines) {
      expect(CONFIG_NAMES).toContain(variable);
      if (variable.endsWith('_FILE')) expect(dirname(value)).toBe('/etc/igc-sante/outside');
    }
  });

  it('the observer of the worker asks the public role, on a network that they share', () => {
    const { environment, networks } = named('worker');
    const { hostname, port } = new URL(environment.OBSERVER_URL ?? '');
    expect(named(hostname).environment.PUBLIC_LISTEN?.split(':')[1]).toBe(port);
    expect(named(hostname).networks?.filter((name) => networks?.includes(name))).toContain('observed');
  });

  it('the folder of each socket belongs to the signer, and lets the group of one role in', () => {
    const idOf = (name: string): string => compose.services[name]?.user.split(':')[0] ?? '';
    const found = Object.entries(compose.volumes).flatMap(([name, { driver_opts }]) => {
      const [, token, caller] = /^socket-(\w+)-(\w+)$/.exec(name) ?? [];
      return token === undefined || caller === undefined ? [] : [{ token, caller, o: driver_opts?.o }];
    });
    expect(found.map(({ token, caller }) => `${token}/${caller}`).sort()).toEqual(callersOf());
    for (const { token, caller, o } of found)
      expect(o).toBe(`uid=${idOf(`signer-${token}`)},gid=${idOf(caller)},mode=2710,size=64k`);
  });

  it('the documented command makes the TLS files where the API reads them, as its account, through the operator’s socket', () => {
    const [, name = ''] =
      /^docker compose run --rm (\S+) --structure .* --dns /m.exec(text('docs/deployment.md')) ?? [];
    const [maker, api, operator] = [named(name), named('api'), named('operator')];
    const tlsOf = ({ environment }: Service) => [environment.API_TLS_KEY_FILE, environment.API_TLS_CERTIFICATE_FILE];
    expect(tlsOf(maker)).toEqual(tlsOf(api));
    for (const file of tlsOf(maker)) expect(dirname(file ?? '')).toBe('/var/lib/igc-sante/api');
    expect(maker.volumes).toContain('api-tls:/var/lib/igc-sante/api');
    expect(api.volumes).toContain('api-tls:/var/lib/igc-sante/api:ro');
    expect(text('Dockerfile')).toContain('install -d -m 0700 -o 10001 -g 10001 /var/lib/igc-sante/api');
    expect(maker.user).toBe([api.user.split(':')[0], operator.user.split(':')[1]].join(':'));
    expect(maker.volumes).toEqual(expect.arrayContaining(operator.volumes.filter((volume) => /^socket-/.test(volume))));
    expect(maker.secrets).toEqual(api.secrets);
    expect(existsSync(join(CHECKOUT, maker.entrypoint?.[1] ?? ''))).toBe(true);
  });

  it('whoever acts by hand says who they are; roles have no such name', () => {
    for (const [name, { environment, profiles, command }] of ours) {
      const passedOn = profiles === undefined ? undefined : expect.stringMatching(/^\$\{IGC_OPERATOR-\}$/);
      expect([name, environment.IGC_OPERATOR]).toEqual([name, passedOn]);
      // root has a name, which is nobody's
      if (profiles?.includes('ceremony')) expect(command[0]).toMatch(/^: "\$\$\{IGC_OPERATOR:\?/);
    }
  });

  it('the public role counts no addresses behind a proxy, and says so; reached directly, it keeps its limit unless told', () => {
    expect(readUnit('public').environment.PUBLIC_REQUESTS_PER_SECOND).toBe('0');
    expect(named('public').environment.PUBLIC_REQUESTS_PER_SECOND).toMatch(/^\$\{PUBLIC_REQUESTS_PER_SECOND-\}$/);
    expect(text('docs/deployment.md')).toContain('the proxy must limit by\nclient address');
  });

  it('no role is the superuser of the database: its owner is made once, with a password of its own', () => {
    const { environment, secrets, volumes } = named('postgres');
    expect(environment).toMatchObject({ POSTGRES_USER: 'postgres', POSTGRES_DB: 'igc' });
    expect(volumes).toContain('./deploy/postgres/owner.sql:/docker-entrypoint-initdb.d/owner.sql:ro');
    const script = text('deploy/postgres/owner.sql');
    const [, secret = ''] = /pg_read_file\('\/run\/secrets\/([\w-]+)'\)/.exec(script) ?? [];
    expect(secrets).toContain(secret);
    expect(compose.secrets[secret]).toBeDefined();
    expect(ours.filter(([, { secrets }]) => secrets.includes('postgres-password'))).toEqual([]);
  });

  it('PostgreSQL is healthy once it takes connections from outside, which the server of its first scripts never does', () => {
    expect(named('postgres').healthcheck?.test.slice(1, 3)).toEqual(['pg_isready', '--host=127.0.0.1']);
  });

  it('health checks ask for the role of their own container', () => {
    for (const [, { healthcheck, command }] of running)
      expect(healthcheck?.test).toEqual(['CMD', 'node', 'deploy/healthcheck.ts', ...command.slice(1)]);
  });

  it('builds on the Node that package.json asks for, and copies what the commands need', () => {
    const dockerfile = text('Dockerfile');
    const { engines } = JSON.parse(text('package.json'));
    const bases = [...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map((match) => `>=${match[1]}`);
    expect(new Set(bases)).toEqual(new Set([engines.node]));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      (match) => match[1]?.split(' ') ?? [],
    );
    expect(copied.filter((path) => !existsSync(join(CHECKOUT, path)))).toEqual([]);
    expect(copied).toEqual(
      expect.arrayContaining(['src', 'db', 'hsm', 'policies', 'scripts', 'deploy', 'package.json']),
    );
    const shown = text('.dockerignore').split('\n');
    for (const path of copied) expect(shown).toContain(`!${path.split('/')[0]}`);
  });
});

/** `token/role` of every socket folder that systemd makes. */
const callersOf = (): string[] =>
  folderRules()
    .flatMap(({ path }) => /^\/run\/igc-sante\/sockets\/(\w+\/\w+)$/.exec(path)?.[1] ?? [])
    .sort();

describe.each(UNITS)('igc-sante-%s.service', (name) => {
  const unit = readUnit(name);
  const role = unit.command.slice(2).join(' ');

  it('has what its role needs, no other role’s PIN or key, and no variable that nobody reads', () => {
    const names = Object.keys(unit.environment).filter((variable) => !FOREIGN.includes(variable));
    expect(names).toEqual(expect.arrayContaining([...(REQUIRED[role] ?? [])]));
    expect(names.filter((variable) => !(CONFIG_NAMES as readonly string[]).includes(variable))).toEqual([]);
    expect(names.filter((variable) => /_FILE$/.test(variable) && !REQUIRED[role]?.includes(variable))).toEqual([]);
  });

  it('names an account that is made, and credentials that are handed to it', () => {
    expect(accountNames()).toContain(unit.account);
    expect(unit.group).toBe(unit.account);
    const used = Object.values(unit.environment).flatMap((value) => /^%d\/(.*)$/.exec(value)?.[1] ?? []);
    expect(used).toEqual(unit.credentials.map(([id]) => id));
  });

  it('is not started again after an end that says never', () => {
    expect(unit.all('RestartPreventExitStatus')).toEqual([`${EXIT.usage} ${EXIT.configuration}`]);
  });

  it('is locked in, but for memory that Node compiles into', () => {
    for (const setting of ['NoNewPrivileges', 'ProtectHome', 'PrivateTmp', 'RestrictNamespaces', 'LockPersonality'])
      expect([setting, ...unit.all(setting)]).toEqual([setting, 'yes']);
    expect(unit.all('ProtectSystem')).toEqual(['strict']);
    expect(unit.all('CapabilityBoundingSet')).toEqual(['']);
    expect(unit.all('MemoryDenyWriteExecute')).toEqual([]);
    const families = name.startsWith('signer') ? 'AF_UNIX' : 'AF_INET AF_INET6 AF_UNIX';
    expect(unit.all('RestrictAddressFamilies')).toEqual([families]);
  });
});
