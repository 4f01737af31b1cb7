// Questions to judges that are written in other languages, and their answers. One process of each judges a whole docket: a Java
// machine takes a second to start, and a Go program longer to compile.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const HERE = 'test/judges';
/** What compilers keep between runs; nothing of theirs is written anywhere else. */
const CACHE = join(CHECKOUT, 'var', 'judges');

export type JudgeName = 'java' | 'go' | 'python';
export const JUDGES: readonly JudgeName[] = ['java', 'go', 'python'];

/**
 * What is asked about files of one folder. `at` is in seconds of POSIX time; `chain` goes from the issuer to the root, `crls` are
 * lists; several of a kind are separated by commas.
 */
export type Question = { readonly name: string } & (
  | {
      readonly question: 'certificate';
      readonly facts: Facts<'file' | 'chain' | 'at', 'purposes' | 'crls'>;
    }
  | { readonly question: 'crl'; readonly facts: Facts<'file' | 'issuer' | 'at'> }
  | {
      readonly question: 'ocsp';
      readonly facts: Facts<'certificate' | 'chain' | 'issuer' | 'serial' | 'at', 'file' | 'url'>;
    }
);
type Facts<Needed extends string, Possible extends string = never> = Readonly<
  Record<Needed, string> & Partial<Record<Possible, string>>
>;

/** `said` is the subject of a certificate, the serials of a list, a status, or the reason of a refusal. */
export type Judgement = { readonly verdict: 'accepted' | 'refused'; readonly said: string };

type Run = { readonly command: string; readonly args: readonly string[] };

const RUNS: Readonly<Record<JudgeName, (folder: string, docket: string) => Run>> = {
  java: (...words) => ({
    command: 'java',
    args: ['-XX:-UsePerfData', '-XX:TieredStopAtLevel=1', join(HERE, 'Judge.java'), ...words],
  }),
  go: (...words) => ({ command: 'go', args: ['run', join(HERE, 'judge.go'), ...words] }),
  // isolated: no user's packages, and no compiled copy beside the source
  python: (...words) => ({
    command: process.env.JUDGE_PYTHON ?? 'python3',
    args: ['-I', '-B', join(HERE, 'judge.py'), ...words],
  }),
};

/** No module is ever fetched, and no newer compiler. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: CACHE,
  LC_ALL: 'C.UTF-8',
  ...{ GOCACHE: join(CACHE, 'go'), GOPATH: join(CACHE, 'gopath'), GOTMPDIR: CACHE },
  ...{ GO111MODULE: 'off', GOPROXY: 'off', GOTOOLCHAIN: 'local', GOFLAGS: '', GOENV: 'off', CGO_ENABLED: '0' },
};

/** Has one judge answer every question about the files of `folder`, by name; rejects with what it said when it fails at that. */
export async function askJudge(
  judge: JudgeName,
  folder: string,
  questions: readonly Question[],
): Promise<ReadonlyMap<string, Judgement>> {
  mkdirSync(CACHE, { recursive: true });
  const docket = join(folder, `${judge}.docket`);
  writeFileSync(docket, questions.map(lineOf).join(''));
  const { command, args } = RUNS[judge](folder, docket);
  const lines = (await run(command, args)).trim().split('\n');
  const judgements = lines.map((line) => JSON.parse(line) as Judgement & { readonly name: string });
  return new Map(judgements.map(({ name, verdict, said }) => [name, { verdict, said }]));
}

const lineOf = ({ name, question, facts }: Question): string =>
  `${[name, question, ...Object.entries(facts).map(([fact, value]) => `${fact}=${value}`)].join('\t')}\n`;

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: CHECKOUT, env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) =>
      reject(
        new Error(`${command} is missing: run the tests through npm, whose set-up finds or names it`, { cause: error }),
      ),
    );
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ended with ${code}: ${stderr}`));
    });
  });
}
