import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { refusalOf } from './helpers/refusal.ts';

const URL = 'postgresql://igc:secret@database/igc';
let folder: string;
const file = (content: string): string => {
  const path = join(folder, 'database-url');
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'igc-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the URL of the database', () => {
  it.each(['', '\n', '\r\n'])('is read from a file, with %j at its end', (end) => {
    expect(loadConfig({ DATABASE_URL_FILE: file(`${URL}${end}`) }).DATABASE_URL).toBe(URL);
  });

  it.each([
    ['both in the environment and in a file', () => ({ DATABASE_URL: URL, DATABASE_URL_FILE: file(URL) })],
    ['in a file that is not there', () => ({ DATABASE_URL_FILE: join(folder, 'none') })],
    ['in a file that holds something else', () => ({ DATABASE_URL_FILE: file('mysql://secret@database/igc') })],
    ['in an empty file', () => ({ DATABASE_URL_FILE: file('') })],
  ])('%s is refused by the name of the variable, and never shown', (_, environment) => {
    const { code, message } = refusalOf(() => loadConfig(environment()));
    expect({ code, message }).toEqual({
      code: 'configuration_invalid',
      message: expect.stringMatching('DATABASE_URL'),
    });
    expect(message).not.toContain('secret');
  });
});
