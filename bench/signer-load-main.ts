// A process of its own that has whole, linted certificates signed through the signer's socket, as the api role does. What it has
// signed is thrown away; the structures come again after a while, for a signer remembers none.

import { generateKeyPairSync } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { newSerial } from '../src/ca/serial.ts';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { openSystem } from '../src/open-system.ts';
import { decide } from '../src/policy/decide.ts';
import { buildSignable } from '../src/policy/plan.ts';
import { issuerOf } from '../src/policy/profile.ts';
import { generateLoad, type Window } from './load.ts';

const STRUCTURES = 256;
const HOLDER = { kind: 'structure', structIdNat: '10B0057881', name: 'CENTRE HOSPITALIER', department: '75' } as const;

const window: Window = JSON.parse(await text(process.stdin));
const config = loadConfig();
const { policies, authorities, issuing, close } = await openSystem(config, {
  role: 'api',
  log: createLog(config, 'bench'),
});
const profile = policies.profiles.get('org-auth-cli');
const issuer = profile && authorities.get(issuerOf(profile, HOLDER));
if (profile === undefined || issuer === undefined) throw new Error('the hierarchy has no issuer for org-auth-cli');

const signables = Array.from({ length: STRUCTURES }, (_, index) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const plan = decide(
    { spki, holder: HOLDER, names: { commonName: `service ${index}` } },
    { profile, hierarchy: policies.hierarchy, issuer, serial: newSerial(), now: new Date() },
  );
  return buildSignable(plan, issuer.certificate, policies);
});
let next = 0;

await generateLoad(window, async () => {
  next += 1;
  const signable = signables[next % STRUCTURES];
  if (signable !== undefined) await issuing.sign(issuer.keyId, signable);
});
await close();
