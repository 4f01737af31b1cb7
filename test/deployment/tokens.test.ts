// deploy/tokens.sh over folders that a signer's account could have prepared: root goes nowhere by its hand.

import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handOver, IS_ROOT } from './machine.ts';

const TOKEN = '0a0b';
let state: string;
const at = (path: string): string => join(state, path);

/** A token as SoftHSM lays it out: its label is in token.object. */
function placeToken(folder: string): void {
  mkdirSync(at(`${folder}/${TOKEN}`), { recursive: true });
  writeFileSync(at(`${folder}/${TOKEN}/token.object`), 'igc-sante-issuing');
}

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'igc-tokens-'));
  for (const folder of ['root/tokens', 'issuing', 'victim']) mkdirSync(at(folder), { recursive: true });
  chmodSync(at('victim'), 0o755);
  writeFileSync(at('victim/file'), 'of another');
});
afterEach(() => rmSync(state, { recursive: true }));

function expectUntouched(): void {
  expect(readdirSync(at('victim'))).toEqual(['file']);
  expect(lstatSync(at('victim')).mode & 0o777).toBe(0o755);
}

const TRAPS: readonly (readonly [what: string, set: () => void])[] = [
  ['tokens is a link', () => symlinkSync('../victim', at('issuing/tokens'))],
  ['tokens is a link to nowhere', () => symlinkSync('../victim/new', at('issuing/tokens'))],
  ['tokens is a file', () => writeFileSync(at('issuing/tokens'), '')],
  [
    'a token is a link',
    () => {
      mkdirSync(at('issuing/tokens'));
      symlinkSync('../../victim', at(`issuing/tokens/${TOKEN}`));
    },
  ],
  [
    'a file of a token is a link',
    () => {
      mkdirSync(at('issuing/tokens/0c'), { recursive: true });
      symlinkSync('../../../victim/file', at('issuing/tokens/0c/token.object'));
    },
  ],
  [
    'a file of a token has a second name',
    () => {
      mkdirSync(at('issuing/tokens/0c'), { recursive: true });
      linkSync(at('victim/file'), at('issuing/tokens/0c/token.object'));
    },
  ],
];

describe.each(TRAPS)('where %s', (_, set) => {
  it('nothing is handed out, and the token stays in the room', () => {
    placeToken('root/tokens');
    set();
    expect(() => handOver(state, 'hand-out')).toThrow(/issuing\/tokens/);
    expect(existsSync(at(`root/tokens/${TOKEN}/token.object`))).toBe(true);
    expectUntouched();
  });

  it('nothing is gathered', () => {
    set();
    expect(() => handOver(state, 'gather')).toThrow(/issuing\/tokens/);
    expect(readdirSync(at('root/tokens'))).toEqual([]);
    expectUntouched();
  });
});

it('a signer’s folder that is a link is refused', () => {
  placeToken('root/tokens');
  rmSync(at('issuing'), { recursive: true });
  symlinkSync('victim', at('issuing'));
  expect(() => handOver(state, 'hand-out')).toThrow(/issuing is no folder/);
  expectUntouched();
});

it('a token goes out and comes back, and what is another account’s does not', () => {
  placeToken('root/tokens');
  handOver(state, 'hand-out');
  expect(lstatSync(at('issuing/tokens')).mode & 0o777).toBe(0o700);
  expect(readdirSync(at('root/tokens'))).toEqual([]);
  // only root can give files away
  if (IS_ROOT) {
    chownSync(at(`issuing/tokens/${TOKEN}/token.object`), 61_099, 61_099);
    expect(() => handOver(state, 'gather')).toThrow(/another account/);
    chownSync(at(`issuing/tokens/${TOKEN}/token.object`), 0, 0);
  }
  handOver(state, 'gather');
  expect(readdirSync(at('root/tokens'))).toEqual([TOKEN]);
});
