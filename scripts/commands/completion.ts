// igc completion: a script for the reader's shell, written from the definitions of the commands, so that a new option is completed
// without anybody's doing. The script asks nothing while it completes: it is one table of words.

import { Argument, type Command } from 'commander';
import { type Completion, completionsOf } from './completion-table.ts';

const HELP = `
Examples:
  $ igc completion bash > ~/.local/share/bash-completion/completions/igc
  $ igc completion zsh > "\${fpath[1]}/_igc"
  $ igc completion fish > ~/.config/fish/completions/igc.fish
`;

/** Adds `igc completion`. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes igc’s commands in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', HELP)
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      const write = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
      process.stdout.write(write(completionsOf(program)));
    });
}

/** A word for the shells: one that needs no quotes, or in quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** How a shell is told the words or the files that fit. */
type Answer = { readonly words: string; readonly files: string };

/** What bash and zsh do alike: find the command among the words before the cursor, then answer for its option, or for itself. */
function cases(table: readonly Completion[], answer: Answer): string {
  const paths = table.slice(1).map(({ path }) => quoted(path));
  const told = (list: readonly string[]): string => `${answer.words} ${list.map(quoted).join(' ')}`;
  const values = table.flatMap(({ path, options }) =>
    options.flatMap(({ flags, values: value }) => {
      const act = value === 'none' ? ':' : value === 'files' ? answer.files : told(value);
      return flags.map((flag) => `    ${quoted(`${path} ${flag}`)}) ${act}; return ;;`);
    }),
  );
  const own = table.map(
    ({ path, words, files }) => `    ${quoted(path)}) ${told(words)}${files ? `; ${answer.files}` : ''} ;;`,
  );
  return [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own braces
    '  for word in "${between[@]}"; do',
    `    case "$at $word" in ${paths.join(' | ')}) at="$at $word" ;; esac`,
    '  done',
    '  case "$at $before" in',
    ...values,
    '  esac',
    '  case "$at" in',
    ...own,
    '  esac',
  ].join('\n');
}

const bashScript = (table: readonly Completion[]): string => `# completion of igc for bash
_igc_words() {
  local word
  for word in "$@"; do if [[ $word == "$now"* ]]; then COMPREPLY+=("$word"); fi; done
}
_igc_files() {
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -f -- "$now"))
}
_igc() {
  local now=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at=igc word
  local between=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  COMPREPLY=()
${cases(table, { words: '_igc_words', files: '_igc_files' })}
}
complete -o filenames -F _igc igc
`;

const zshScript = (table: readonly Completion[]): string => `#compdef igc
# completion of igc for zsh
_igc() {
  local before=\${words[CURRENT-1]} at=igc word
  local -a between=("\${(@)words[2,CURRENT-1]}")
${cases(table, { words: 'compadd --', files: '_files' })}
}
if [[ $funcstack[1] == _igc ]]; then _igc "$@"; else compdef _igc igc; fi
`;

function fishScript(table: readonly Completion[]): string {
  const paths = table.slice(1).map(({ path }) => quoted(path));
  const lines = table.flatMap(({ path, words: list, files, options }) => {
    const here = `-n ${quoted(`__igc_at '${path}'`)}`;
    const bare = list.filter((word) => !word.startsWith('-'));
    return [
      ...(bare.length > 0 ? [`complete -c igc ${here} -a ${quoted(bare.join(' '))}`] : []),
      ...(files ? [`complete -c igc ${here} -F`] : []),
      ...options.flatMap(({ flags, values, about }) => {
        const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
        const value = values === 'none' ? '-x' : values === 'files' ? '-r -F' : `-x -a ${quoted(values.join(' '))}`;
        return [`complete -c igc ${here} ${names.join(' ')} ${value} -d ${quoted(about)}`];
      }),
      ...switchesOf(list, options).map((flag) => `complete -c igc ${here} -l ${flag.slice(2)}`),
    ];
  });
  return `# completion of igc for fish
function __igc_at
  set -l at igc
  for word in (commandline -opc)[2..]
    contains -- "$at $word" ${paths.join(' ')}; and set at "$at $word"
  end
  test "$at" = "$argv[1]"
end
complete -c igc -f
${lines.join('\n')}
`;
}

/** Long options without a value. */
const switchesOf = (list: readonly string[], options: Completion['options']): readonly string[] =>
  list.filter((word) => word.startsWith('--') && !options.some(({ flags }) => flags.includes(word)));
