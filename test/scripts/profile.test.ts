import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policies } from '../policy/policies.ts';
import { copyPolicies, type PoliciesCopy } from '../policy/policies-copy.ts';
import { type Ran, runHere } from './run-igc.ts';

const igc = (...args: string[]): Promise<Ran> => runHere({}, 'profile', ...args);
const names = [...policies.profiles.keys()].sort();
let copy: PoliciesCopy;
beforeAll(() => {
  copy = copyPolicies();
});
afterAll(() => copy.remove());

describe('igc profile list', () => {
  test('names every profile that policies/ has, and needs no database', async () => {
    expect((await igc('list', '--json')).json().map(({ name }) => name)).toEqual(names);
    const { code, stdout } = await igc('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^serv-ssl +order +structure +ACI-EL-ORG-TEST +3 years +RSA 2048 3072 4096, EC P-256 P-384 +SERV SSL/m,
    );
  });
});

describe('igc profile show', () => {
  test.each(names)('%s is told whole: its layout, its usages, and every reason', async (name) => {
    const profile = policies.profiles.get(name);
    const { code, stdout } = await igc('show', name);
    expect(code).toBe(0);
    const text = stdout.replace(/\s+/g, ' ');
    for (const rdn of profile?.subject ?? [])
      expect(text).toContain(
        Object.entries(rdn)
          .map(([type, value]) => `${type}=${value}`)
          .join(' + '),
      );
    for (const usage of Object.values(profile?.keyUsage ?? {}).flat()) expect(text).toContain(usage);
    for (const reason of Object.values(profile?.why ?? {})) expect(text).toContain(reason.replace(/\s+/g, ' ').trim());
    expect(text).toContain(profile?.digest);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect((await igc('show', name, '--json')).json()).toEqual([JSON.parse(JSON.stringify(profile))]);
  });

  test('a profile that does not exist ends with 4', async () => {
    expect((await igc('show', 'serv-ftp')).code).toBe(4);
  });
});

describe('igc profile check', () => {
  test('what is in force is accepted, and the same', async () => {
    const { code, json } = await igc('check', '--json');
    expect(code).toBe(0);
    expect(json().map(({ name, change }) => [name, change])).toEqual(names.map((name) => [name, 'same']));
  });

  test('a proposal is told by what it changes, and a change of what is in certificates is warned of', async () => {
    const proposal = copyPolicies();
    proposal.set('profiles/serv-ssl.yaml', '/validity', { years: 1 });
    proposal.set('hierarchy/test.yaml', '/urls/public', 'http://elsewhere.igc-sante.fr');
    const { code, stderr, json } = await igc('check', proposal.directory, '--json');
    proposal.remove();
    expect(code).toBe(0);
    expect(json().filter(({ change }) => change !== 'same')).toMatchObject([{ name: 'serv-ssl', change: 'changed' }]);
    expect(stderr).toContain('names, keys or URLs differ');
  });

  test('every finding of every profile is told at its place, and the exit code is 78', async () => {
    copy.set('profiles/serv-ssl.yaml', '/validity', { years: 9 });
    copy.set('profiles/org-auth-cli.yaml', '/keyUsage/rsa', ['certSign']);
    const { code, json } = await igc('check', copy.directory, '--json');
    expect(code).toBe(78);
    expect(json().map(({ at }) => at)).toEqual([
      expect.stringMatching(/^profiles\/org-auth-cli\.yaml#\/keyUsage\/rsa/),
      expect.stringMatching(/^profiles\/serv-ssl\.yaml#\/validity\/years/),
    ]);
    expect((await igc('check', copy.directory)).stdout).toMatch(/^profiles\/serv-ssl\.yaml#\/validity\/years: /m);
  });

  test.each([
    ['a folder', ['/nowhere']],
    ['a branch', ['--hierarchy', 'nowhere']],
  ])('%s that is not there is a finding', async (_, args) => {
    const { code, stdout } = await igc('check', ...args);
    expect([code, stdout]).toEqual([78, expect.stringContaining('cannot be read: ENOENT')]);
  });
});
