// The README is executed: its commands exist, its links lead somewhere, and its map names the rooms that there are.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../scripts/commands/program.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = [
  'README.md',
  'LISEZMOI.md',
  'docs/api.md',
  'docs/cli.md',
  'docs/comparison.md',
  'docs/deployment.md',
  'docs/glossary.md',
  'docs/metrics.md',
  'docs/notices.md',
  'docs/operations.md',
  'docs/profiles.md',
  'docs/webhooks.md',
  'policies/README.md',
];
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Commands of the `sh` blocks and of inline code that begins like one. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? '').split('\n'));
  const inline = [...markdown.matchAll(/`((?:npm|scripts\/igc) [^`]+)`/g)].map((match) => match[1] ?? '');
  return [...blocks, ...inline]
    .map((command) => command.trim())
    .filter((command) => command !== '' && !command.startsWith('#'));
}

describe('documents for people', () => {
  it.each(DOCUMENTS)('%s names only npm scripts that exist', (file) => {
    const scripts = Object.keys(JSON.parse(text('package.json')).scripts);
    const named = commandsOf(text(file)).flatMap(
      (command) => /^npm (?:run (?:-s )?)?([a-z:]+)/.exec(command)?.[1] ?? [],
    );
    expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
  });

  it.each(DOCUMENTS)('%s never asks for a bare node', (file) => {
    expect(commandsOf(text(file)).filter((command) => /(^|[;&|]\s*)node\b/.test(command))).toEqual([]);
  });

  it.each(DOCUMENTS)('%s links only to files that exist', (file) => {
    const links = [...text(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(join(ROOT, file, '..', link)))).toEqual([]);
  });

  it('every igc command in them has help', () => {
    const calls = DOCUMENTS.flatMap((file) => commandsOf(text(file))).filter((command) =>
      command.startsWith('scripts/igc'),
    );
    expect(calls.length).toBeGreaterThan(0);
    for (const call of new Set(calls)) {
      const words = call.split(/\s+/).slice(1);
      let command = buildProgram();
      for (const word of words) command = command.commands.find((known) => known.name() === word) ?? command;
      // a noun alone does nothing but show its help
      if (!words.includes('--help')) expect(command.commands, call).toEqual([]);
      expect(command.helpInformation(), call).toMatch(/^Usage: igc/);
    }
  });

  it('the map of the house names every room of src', () => {
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    const map = text('README.md');
    expect(rooms.filter((room) => !map.includes(`src/${room}/`))).toEqual([]);
  });
});
