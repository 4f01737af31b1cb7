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

describe('the address of the webhook', () => {
  it.each([
    'https://alarms.exemple.fr/igc?key=1',
    'https://192.0.2.7:8443/',
    'http://localhost:8080/hook',
    'http://127.0.0.1:8080',
    'http://[::1]/hook',
  ])('may be %s', (address) => {
    expect(loadConfig({ ALARM_WEBHOOK_URL: address }).ALARM_WEBHOOK_URL).toBe(address);
  });

  it.each([
    'http://alarms.exemple.fr/',
    'http://192.0.2.7/',
    'http://localhost.exemple.fr/',
    'http://127.0.0.1.exemple.fr/',
    'http://127.0.0.1:80.exemple.fr/',
    'http://localhost:8080@exemple.fr/',
    'https://name:secret@exemple.fr/',
    'https:///hook',
    'ftp://localhost/',
  ])('is never %s, where anyone on the way would read the alarms', (address) => {
    const { code, message } = refusalOf(() => loadConfig({ ALARM_WEBHOOK_URL: address }));
    expect([code, message]).toEqual(['configuration_invalid', expect.stringMatching('ALARM_WEBHOOK_URL')]);
    expect(message).not.toContain('exemple.fr/');
  });
});

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
