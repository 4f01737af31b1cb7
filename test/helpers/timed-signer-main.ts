// A signer as its role starts it, but with the clock of a test: `timed-signer-main.ts issuing | ocsp <clock file>`.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSigner } from '#hsm/signer.ts';
import { loadConfig, required } from '../../src/config.ts';
import { readClock } from './clock.ts';

const token = process.argv[2] === 'ocsp' ? 'ocsp' : 'issuing';
const clockFile = process.argv[3] ?? '';
const config = loadConfig();
const directory = required(config, 'HIERARCHY_DIRECTORY');
const signer = await runSigner({
  token,
  module: required(config, 'PKCS11_MODULE'),
  tokenLabel: `igc-sante-${token}`,
  pinFile: required(config, token === 'ocsp' ? 'OCSP_PIN_FILE' : 'ISSUING_PIN_FILE'),
  socketDirectory: join(required(config, 'SIGNER_SOCKETS'), token),
  stateDirectory: join(required(config, 'SIGNER_STATE'), token),
  authorities: readdirSync(directory)
    .filter((name) => name.endsWith('.cer'))
    .map((name) => ({ id: name.replace(/\.cer$/, ''), certificate: readFileSync(join(directory, name)) })),
  signingDeadlineMs: config.SIGNING_DEADLINE_MS,
  log: (event) => process.stderr.write(`${JSON.stringify(event)}\n`),
  clock: () => readClock(clockFile),
});
const end = (): void => {
  void signer.close().then(() => process.exit(0));
};
process.once('SIGTERM', end);
process.once('disconnect', end);
