import { type Command, CommanderError } from 'commander';
import { describe, expect, test, vi } from 'vitest';
import { checkNode } from '../../scripts/commands/checks-here.ts';
import { exitCodeOf, printDocument, printRows, reportError } from '../../scripts/commands/output.ts';
import { buildProgram } from '../../scripts/commands/program.ts';
import { Outage, Refusal } from '../../src/errors.ts';

/** What `act` writes to a stream. */
async function written(stream: 'stdout' | 'stderr', act: () => unknown): Promise<string> {
  let text = '';
  const spy = vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  try {
    await act();
  } finally {
    spy.mockRestore();
  }
  return text;
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
const COMMANDS = leaves(buildProgram()).map((command) => [pathOf(command), command] as const);

describe('help', () => {
  test('there is a command for every noun and verb', () => {
    expect(COMMANDS.map(([path]) => path)).toEqual([
      'igc hierarchy create',
      'igc hierarchy list',
      'igc certificate issue',
      'igc certificate list',
      'igc certificate search',
      'igc certificate export',
      'igc certificate show',
      'igc certificate revoke',
      'igc crl publish',
      'igc crl list',
      'igc ocsp status',
      'igc ocsp responders',
      'igc structure add',
      'igc structure list',
      'igc structure show',
      'igc administrator add',
      'igc administrator list',
      'igc administrator remove',
      'igc administrator unlink',
      'igc contact add',
      'igc contact list',
      'igc contact remove',
      'igc contact reinstate',
      'igc notice show',
      'igc notice rehearse',
      'igc consent give',
      'igc consent withdraw',
      'igc consent list',
      'igc consent show',
      'igc profile list',
      'igc profile show',
      'igc profile check',
      'igc jobs list',
      'igc jobs retry',
      'igc alarms list',
      'igc alarms acknowledge',
      'igc alarms clear',
      'igc directory status',
      'igc directory reconcile',
      'igc webhook add',
      'igc webhook list',
      'igc webhook remove',
      'igc webhook disable',
      'igc webhook enable',
      'igc webhook secret',
      'igc webhook rotate',
      'igc webhook ping',
      'igc webhook deliveries',
      'igc webhook redeliver',
      'igc webhook drop',
      'igc doctor',
      'igc completion',
    ]);
  });

  test.each(COMMANDS)(
    '%s has examples of itself, within 140 columns, and can answer in JSON',
    async (path, command) => {
      const help = await written('stdout', () => command.outputHelp());
      expect(help).toContain(`\n  $ ${path}`);
      // a script for a shell is no data
      if (path !== 'igc completion') expect(command.options.map(({ long }) => long)).toContain('--json');
      expect(help.split('\n').filter((line) => line.length > 140)).toEqual([]);
    },
  );

  test('no option takes a secret', () => {
    const options = COMMANDS.flatMap(([, command]) => command.options.filter(({ required }) => required));
    expect(options.map(({ long }) => long).filter((long) => /pin|password|secret|passphrase/.test(long ?? ''))).toEqual(
      [],
    );
  });

  test('igc --help lists every exit code', async () => {
    const help = await written('stdout', () => buildProgram().outputHelp());
    expect([...help.matchAll(/^ +(\d+) {2}/gm)].map(([, code]) => Number(code))).toEqual([0, 1, 2, 3, 4, 5, 69, 78]);
  });
});

describe('exit codes', () => {
  test.each<[string, unknown, number]>([
    ['a refusal', new Refusal('key_reused', ''), 3],
    ['something that is not there', new Refusal('not_found', ''), 4],
    ['an environment that is not usable', new Refusal('configuration_invalid', ''), 78],
    ['a hierarchy that differs', new Refusal('hierarchy_differs', ''), 78],
    ['a token that is away', new Outage('hsm', ''), 69],
    ['a database that is away', new Outage('database', ''), 69],
    ['wrong arguments', new CommanderError(1, 'commander.unknownOption', ''), 2],
    ['help that was asked for', new CommanderError(0, 'commander.helpDisplayed', ''), 0],
    ['a file that cannot be used', Object.assign(new Error(''), { code: 'EACCES', syscall: 'open', path: '/x' }), 78],
    ['anything else', new TypeError('x is not a function'), 1],
  ])('%s', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test.each([
    [[]],
    [['nonsense']],
    [['hierarchy']],
    [['hierarchy', 'create', '--pin', '1234']],
    [['crl', 'publish']],
    [['structure', 'add', '--id', '10B0057881']],
    [['administrator', 'add']],
    [['administrator', 'add', '--issuing-ca', 'ACI-FO-PP-TEST']],
    [['administrator', 'add', '--certificate', 'card.pem', '--card-profile', 'cps-auth']],
    [['administrator', 'remove']],
    [['administrator', 'remove', 'DURAND']],
    [['administrator', 'remove', '0199aa00-0000-7000-8000-000000000000', '--national-id', '899700075064']],
    [['administrator', 'unlink', '0199aa00-0000-7000-8000-000000000000']],
    [['jobs', 'retry']],
    [['jobs', 'retry', '7', '--all-failed']],
    [['jobs', 'retry', '7; delete']],
    [['ocsp', 'status', '00ff', '--url', 'ldap://ocsp.igc-sante.fr']],
    [['completion', 'tcsh']],
    [['certificate', 'issue', 'cps-auth']],
    [['certificate', 'issue', 'cps-auth', '--csr', 'a', '--new-key', 'b']],
    [['certificate', 'issue', 'serv-ssl', '--new-key', 'b', '--key-type', 'rsa-1024']],
    [['certificate', 'list', '--limit', '0']],
    [['certificate', 'list', '--after', 'not-an-id']],
    [['certificate', 'list', '--state', 'lost']],
    [['certificate', 'revoke', '00ff']],
    [['certificate', 'revoke', '00ff', '--reason', 'certificateHold']],
    [['doctor', 'now']],
  ])('%j is wrong use, said before anything is opened', async (args) => {
    let error: unknown;
    await written('stderr', async () => {
      error = await buildProgram()
        .parseAsync(args, { from: 'user' })
        .catch((thrown: unknown) => thrown);
    });
    expect(error).toBeInstanceOf(CommanderError);
    expect(exitCodeOf(error)).toBe(2);
  });
});

describe('output', () => {
  const rows = [
    { id: 'a', name: 'Hôpital', structures: ['1', '2'], at: null },
    { id: 'long-id', name: 'x', structures: [], at: null },
  ];

  test('rows are a table of the chosen columns', async () => {
    expect(await written('stdout', () => printRows(rows, ['id', 'name', 'structures'], {}))).toBe(
      'id       name     structures\na        Hôpital  1 2\nlong-id  x\n',
    );
  });

  test('with --json rows are whole objects, one a line', async () => {
    const text = await written('stdout', () => printRows(rows, ['id'], { json: true }));
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(rows);
  });

  test('a terminal obeys nothing that a name contains', async () => {
    const name = '\u001b[2Jevil\u202e\n';
    expect(await written('stdout', () => printDocument({ name }, {}))).toBe('name  \\u{1b}[2Jevil\\u{202e}\\u{a}\n');
    expect(await written('stdout', () => printRows([{ name }], ['name'], {}))).not.toContain('\u001b');
  });

  test('an error is told with its code, findings and remedies', async () => {
    const refusal = new Refusal('key_weak', 'not this key', [
      { rule: 'R', at: '/csr', detail: 'too short', remedy: 'a longer one' },
    ]);
    expect(await written('stderr', () => reportError(refusal, { json: false }))).toBe(
      'igc: key_weak: not this key\n  /csr: too short (R)\n    → a longer one\n',
    );
    expect(JSON.parse(await written('stderr', () => reportError(refusal, { json: true })))).toEqual({
      code: 'key_weak',
      detail: 'not this key',
      findings: refusal.findings,
    });
  });

  test('a bug is told without the values in its message', async () => {
    const bug = new Error('duplicate key: Jeanne DURAND');
    expect(await written('stderr', () => reportError(bug, { json: false }))).not.toContain('DURAND');
  });
});

test.each([
  ['24.20.9', 'fail'],
  ['22.99.0', 'fail'],
  ['24.21.0', 'ok'],
  ['24.21.1', 'ok'],
  ['26.0.0', 'ok'],
])('doctor takes Node %s as %s', (version, state) => {
  expect(checkNode(version).state).toBe(state);
});
