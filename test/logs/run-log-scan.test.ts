// What the look through the logs of a run finds, shown on lines that should never be there.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesOfCast, SECRETS_FILE, scanRunLogs } from '../helpers/run-log-scan.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'igc-logs-'));
  writeFileSync(join(folder, SECRETS_FILE), '93417552\npin-issuing-4711\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is found when the second line of a role's log is this one. */
function found(line: string): string {
  writeFileSync(join(folder, 'role-api-7.log'), `{"level":30,"role":"api","msg":"started"}\n${line}\n`);
  try {
    scanRunLogs(folder);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}
const inRole = (text: string): string => `{"level":30,"role":"api","msg":"${text}"}`;

describe('a line is found, with file and number, that holds', () => {
  it.each([
    ['a PIN', inRole('login with 93417552')],
    ['a PIN', inRole('C_Login pin-issuing-4711')],
    ['a private key', '-----BEGIN PRIVATE KEY-----'],
    ['a private key', inRole('-----BEGIN RSA PRIVATE KEY-----')],
    ['a password of a database', inRole('cannot reach postgresql://igc:secret@db/igc')],
    ['an e-mail address', inRole('sent to camille.martin@hopital.example.fr')],
    ['an identifier of a person', inRole('card of 899700075064')],
    ['a name of the cast', inRole('certificate for Anne DURAND')],
    ['a line without its role', '{"level":30,"msg":"who says so?"}'],
    ['a line without its role', '{"role":"signer issuing","msg":"twice","role":"api"}'],
  ])('%s: %s', (what, line) => {
    expect(found(line)).toContain(`role-api-7.log:2 holds ${what}`);
  });
});

describe('nothing is found in', () => {
  it.each([
    inRole('request 019a2b3c-89ab-7def-8997-000750640000 took 899 ms'),
    inRole('postgresql://igc@db/igc is away'),
    'configuration_invalid: METRICS_LISTEN is not usable',
    inRole('pins of 934175529 tokens'),
  ])('%s', (line) => {
    expect(found(line)).toBe('');
  });
});

it('the cast is read from the tests themselves', () => {
  expect(namesOfCast()).toEqual(expect.arrayContaining(['DURAND', 'Anne']));
});
