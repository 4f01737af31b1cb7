// What can be completed where, as data: one entry for each command, from the definitions that commander has. Pure.

import type { Argument, Command, Option } from 'commander';

/** The values of an option: these words, files, or something that only the reader knows. */
type Values = readonly string[] | 'files' | 'none';

export type Completion = {
  /** the words of the command: `igc crl publish` */
  readonly path: string;
  /** subcommands, options, and the words that an argument may be */
  readonly words: readonly string[];
  /** an argument may be a file */
  readonly files: boolean;
  /** the options that take a value */
  readonly options: readonly { readonly flags: readonly string[]; readonly values: Values; readonly about: string }[];
};

/** The command and all beneath it, each before its own. */
export function completionsOf(command: Command, above = ''): readonly Completion[] {
  const path = `${above}${command.name()}`;
  const help = command.createHelp();
  const visible = help.visibleOptions(command);
  const own: Completion = {
    path,
    words: [
      ...command.commands.map((sub) => sub.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...visible.flatMap(({ long }) => long ?? []),
    ],
    files: command.registeredArguments.some(isFile),
    options: visible
      .filter(({ required, optional }) => required || optional)
      .map((option) => ({ flags: flagsOf(option), values: valuesOf(option), about: option.description })),
  };
  return [own, ...command.commands.flatMap((sub) => completionsOf(sub, `${path} `))];
}

const flagsOf = ({ short, long }: Option): readonly string[] => [long, short].flatMap((flag) => flag ?? []);

const valuesOf = ({ argChoices, flags }: Option): Values =>
  argChoices ?? (/<(file|directory)>/.test(flags) ? 'files' : 'none');

const isFile = (argument: Argument): boolean => /\b(file|directory)\b/.test(argument.name());
