// docs/cli.md, written from the definitions of the commands: what `--help` says, on one page. Pure.

import type { Argument, Command, Option } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

/** The page. */
export function describeCommands(program: Command): string {
  const leaves = leavesOf(program);
  return [
    '# igc, the operators’ command line',
    'Written by `npm run docs:cli` from the commands themselves; `scripts/igc <command> --help` says the same.',
    [
      'Results are on stdout: a table, or with `--json` one JSON document or one object a line. Progress and errors are on stderr; with',
      '`--json` an error is one JSON document there. `--dry-run` says what would happen and changes nothing. Where things are comes from',
      'the environment; PINs come from the files that it names.',
    ].join('\n'),
    table(
      ['exit code', 'meaning'],
      Object.values(EXIT_CODES).map(([code, meaning]) => [String(code), meaning]),
    ),
    table(
      ['command', 'what it does'],
      leaves.map(({ path, command }) => [`[\`${path}\`](#${anchor(path)})`, command.description()]),
    ),
    ...leaves.map(sectionOf),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

type Leaf = { readonly path: string; readonly command: Command };

const leavesOf = (command: Command, above = ''): readonly Leaf[] => {
  const path = `${above}${command.name()}`;
  return command.commands.length === 0
    ? [{ path, command }]
    : command.commands.flatMap((sub) => leavesOf(sub, `${path} `));
};

const anchor = (path: string): string => path.replaceAll(' ', '-');

function sectionOf({ path, command }: Leaf): string {
  const help = command.createHelp();
  const words = [
    ...command.registeredArguments.map((argument) => [`\`${nameOf(argument)}\``, help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => [`\`${option.flags}\``, optionText(option, help.optionDescription(option))]),
  ];
  const more = afterText(command);
  return [
    `## ${path}`,
    `${capital(command.description())}.`,
    ...(words.length === 0 ? [] : [table(['argument or option', 'meaning'], words)]),
    ...(more === '' ? [] : [more]),
  ].join('\n\n');
}

const optionText = ({ mandatory }: Option, description: string): string =>
  [description, ...(mandatory ? ['(needed)'] : [])].filter((part) => part !== '').join(' ');

function nameOf(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** What a command adds after its help: prose as it stands, examples as a block. */
function afterText(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  command.configureOutput(before);
  const own = text.slice(command.helpInformation().length).trim();
  const [prose = '', examples] = own.split(/^Examples:\n/m);
  const block = examples === undefined ? '' : `\`\`\`console\n${examples.replace(/^ {2}/gm, '').trimEnd()}\n\`\`\``;
  return [escapeMarkdown(prose.trim()), block].filter((part) => part !== '').join('\n\n');
}

/** Angle brackets would be taken for HTML. */
const escapeMarkdown = (text: string): string => text.replaceAll('<', '\\<');

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
  const lines = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, at) => Math.max(...lines.map((row) => row[at]?.length ?? 0)));
  const shown = lines.map((row) => `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [shown[0], rule, ...shown.slice(1)].join('\n');
}
