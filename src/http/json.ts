// JSON as our contract means it (RFC 8259 within the bounds of I-JSON, RFC 7493): JSON.parse alone would keep the last of two
// equal keys, turn 1e400 into Infinity and let broken Unicode through. Finds everything wrong, each with its JSON pointer.

import { type Finding, Refusal } from '../errors.ts';
import { JSON_LIMITS, MAX_FINDINGS } from './limits.ts';

type Container = { readonly keys: Set<string> | undefined; readonly pointer: string; step: string; items: number };

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const LONGEST_STEP = 64;

/** One step of a JSON pointer, escaped (RFC 6901 §3 Syntax) and cut so that an answer never echoes a whole body. */
export const pointerStep = (key: string): string =>
  `/${key.slice(0, LONGEST_STEP).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The value of a UTF-8 JSON text. Throws Refusal `body_malformed` with a finding for each fault; nothing is repaired. */
export function parseJson(body: Uint8Array): unknown {
  const text = decodeUtf8(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed([{ rule: 'RFC 8259 §2 JSON Grammar', at: '', detail: 'this is not a JSON text' }]);
  }
  const findings = scan(text);
  if (findings.length > 0) throw malformed(findings);
  return value;
}

const malformed = (findings: readonly Finding[]): Refusal =>
  new Refusal('body_malformed', 'the body is not the JSON that this operation takes', findings);

function decodeUtf8(body: Uint8Array): string {
  try {
    // a byte order mark stays in the text, and the grammar then refuses it
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw malformed([{ rule: 'RFC 8259 §8.1 Character Encoding', at: '', detail: 'this is not UTF-8' }]);
  }
}

/** One pass over the tokens of a text that JSON.parse accepted; stops at the limits, so its work is bounded. */
function scan(text: string): Finding[] {
  const findings: Finding[] = [];
  const open: Container[] = [];
  let values = 0;
  let expectsKey = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const inside = open.at(-1);
    if (findings.length >= MAX_FINDINGS) break;
    if (token === '}' || token === ']') {
      open.pop();
      expectsKey = false;
    } else if (token === ',') {
      expectsKey = inside?.keys !== undefined;
      if (inside !== undefined && !expectsKey) inside.step = `/${++inside.items}`;
    } else if (token === ':') {
      expectsKey = false;
    } else if (expectsKey && inside !== undefined) {
      findings.push(...readKey(token, inside));
    } else {
      values += 1;
      const pointer = inside === undefined ? '' : inside.pointer + inside.step;
      if (values > JSON_LIMITS.values) return [...findings, tooMuch('', `more than ${JSON_LIMITS.values} values`)];
      if (token === '{' || token === '[') {
        if (open.length >= JSON_LIMITS.depth)
          return [...findings, tooMuch(pointer, `nested deeper than ${JSON_LIMITS.depth}`)];
        expectsKey = token === '{';
        open.push({ keys: expectsKey ? new Set() : undefined, pointer, step: expectsKey ? '' : '/0', items: 0 });
      } else findings.push(...checkScalar(token, pointer));
    }
  }
  return findings;
}

const tooMuch = (at: string, detail: string): Finding => ({ rule: 'RFC 8259 §9 Parsers', at, detail });

function readKey(token: string, object: Container): Finding[] {
  const key = String(JSON.parse(token));
  object.step = pointerStep(key);
  const at = object.pointer + object.step;
  if (object.keys?.has(key)) return [{ rule: 'RFC 7493 §2.3 Object Constraints', at, detail: 'this key stands twice' }];
  object.keys?.add(key);
  return key.isWellFormed() ? [] : [surrogate(at)];
}

const surrogate = (at: string): Finding => ({
  rule: 'RFC 7493 §2.1 Encoding and Characters',
  at,
  detail: 'a lone surrogate is not a character',
});

function checkScalar(token: string, at: string): Finding[] {
  const value: unknown = JSON.parse(token);
  if (typeof value === 'string') return value.isWellFormed() ? [] : [surrogate(at)];
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return [{ rule: 'RFC 7493 §2.2 Numbers', at, detail: 'this number is beyond double precision' }];
  }
  return [];
}
