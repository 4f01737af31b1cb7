// A process of its own that signs digests straight in the token, by C_Sign and with nothing around it: what a signature costs where
// nothing of ours is at work. Prints microseconds of processor time and of the clock for one.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findKey } from '#hsm/key-objects.ts';
import { LONGEST_SIGNATURE, mechanismFor, tokenInput } from '#hsm/mechanisms.ts';
import { readPin } from '#hsm/pin-file.ts';
import { findSlot, loadModule } from '#hsm/pkcs11.ts';
import { openSession } from '#hsm/session-pool.ts';
import { readAuthority } from '../src/authority.ts';
import { loadConfig, required } from '../src/config.ts';

export type RawSignature = { readonly cpu: number; readonly clock: number };

/** CKU_USER of PKCS #11. */
const USER = 1;
const ISSUER = 'ACI-EL-ORG-TEST';

const { seconds }: { seconds: number } = JSON.parse(await text(process.stdin));
const config = loadConfig();
const certificate = readFileSync(join(required(config, 'HIERARCHY_DIRECTORY'), `${ISSUER}.cer`));
const { keyId, algorithm } = readAuthority({ id: ISSUER, kind: 'intermediate', issuer: '', certificate });
const api = loadModule(required(config, 'PKCS11_MODULE'));
const session = openSession(api, findSlot(api, 'igc-sante-issuing'), false);
api.C_Login(session, USER, readPin(required(config, 'ISSUING_PIN_FILE')));
const key = findKey({ api, session }, keyId);
if (key === undefined) throw new Error(`the issuing token has no key of ${ISSUER}`);

const input = tokenInput(algorithm, createHash('sha256').update('bench').digest());
const output = Buffer.alloc(LONGEST_SIGNATURE);
const before = process.cpuUsage();
const began = performance.now();
let made = 0;
for (; performance.now() - began < seconds * 1e3; made += 1) {
  api.C_SignInit(session, mechanismFor(algorithm), key.privateKey);
  api.C_Sign(session, input, output);
}
const clock = (performance.now() - began) * 1e3;
const { user, system } = process.cpuUsage(before);
const raw: RawSignature = { cpu: (user + system) / made, clock: clock / made };
process.stdout.write(`${JSON.stringify(raw)}\n`);
