// Folds V8's CPU profiles into a table: whose code each microsecond of a thread was spent in, inside one window. Native work (a
// signature verified, a parameter serialised) counts for the JavaScript that asked for it.

import { readFileSync } from 'node:fs';

type Node = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
};

/** A .cpuprofile: microseconds of the monotonic clock; `timeDeltas[i]` lies before `samples[i]`. */
export type CpuProfile = {
  readonly nodes: readonly Node[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** The first that fits the innermost frame that fits any. */
const CATEGORIES: readonly (readonly [category: string, frame: RegExp])[] = [
  ['garbage collection', /^\(garbage collector\)/],
  ['idle', /^\(idle\)/],
  ['crypto', /node:(internal\/)?crypto/],
  ['TLS', /node:(_tls|internal\/tls|tls)/],
  [
    'HTTP, fastify and typebox',
    /node:(_http|internal\/http|http)|node_modules\/(fastify|@fastify|avvio|find-my-way|ajv|fast-|typebox|secure-json|light-my)|\/src\/http\//,
  ],
  ['log', /node_modules\/(pino|sonic-boom|safe-stable)/],
  ['drizzle', /node_modules\/drizzle-orm\//],
  ['pg driver', /node_modules\/(pg|pg-[a-z-]+|postgres-[a-z]+)\//],
  ['pkcs11js', /node_modules\/pkcs11js\//],
  ['queries (db)', /\/db\//],
  ['lint', /\/src\/x509\/lint/],
  ['DER and names (x509)', /\/src\/x509\//],
  ['policy and identifiers', /\/src\/(policy|identifiers)\//],
  ['signer and its client (hsm)', /\/hsm\//],
  ['use cases (ca, ra)', /\/src\//],
  ['start-up', /node:internal\/(modules|main|bootstrap)/],
];

/** Microseconds by category and by function (with file and line), of the samples between two moments of the monotonic clock. */
export type Folded = {
  readonly categories: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, number>;
};

export const readProfile = (file: string): CpuProfile => JSON.parse(readFileSync(file, 'utf8'));

/** Folds what happened between `began` and `ended`. */
export function foldProfile(profile: CpuProfile, began: number, ended: number): Folded {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const categories = new Map<string, number>();
  const functions = new Map<string, number>();
  let at = profile.startTime;
  profile.samples.forEach((id, index) => {
    const spent = profile.timeDeltas[index + 1] ?? 0;
    at += profile.timeDeltas[index] ?? 0;
    const node = byId.get(id);
    if (at < began || at >= ended || node === undefined) return;
    add(categories, categoryOf(node, byId, parents), spent);
    add(functions, frameText(node), spent);
  });
  return { categories, functions };
}

function categoryOf(leaf: Node, byId: ReadonlyMap<number, Node>, parents: ReadonlyMap<number, number>): string {
  for (let node: Node | undefined = leaf; node !== undefined; node = byId.get(parents.get(node.id) ?? 0)) {
    const frame = frameText(node);
    const found = CATEGORIES.find(([, pattern]) => pattern.test(frame));
    if (found !== undefined) return found[0];
  }
  return 'Node itself: streams, timers, promises';
}

const frameText = ({ callFrame: { functionName, url, lineNumber } }: Node): string =>
  `${functionName || '(anonymous)'} ${url}${url === '' ? '' : `:${lineNumber + 1}`}`;

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}
