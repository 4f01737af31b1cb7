// What every act of the demo knows: where things are, and who plays. Names and URLs are those of policies/hierarchy/test.yaml.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from './place.ts';

export const API_HOST = 'api.demo.igc-sante.fr';
export const PUBLIC_URL = 'http://igc.demo.igc-sante.fr';
export const OCSP_URL = 'http://ocsp.demo.igc-sante.fr/';

export type Stage = {
  /** DEMO_DIRECTORY, or var/demo */
  readonly directory: string;
  readonly environment: Environment;
  readonly apiPort: number;
  readonly publicPort: number;
  readonly say: (line: string) => void;
};

/** A certificate as its maker told it: by igc's answer or the API's, not by a file. */
export type Made = {
  readonly profile: string;
  readonly serial: string;
  /** hex, of the certificate's DER */
  readonly sha256: string;
  /** id of its CA, which is the stem of the files in ca/ and crl/ */
  readonly issuer: string;
  readonly status: 'good' | 'revoked';
};

/** Known by a FINESS number of the test register. */
export const HOSPITAL = { id: '10B0057881', name: 'CENTRE HOSPITALIER DE DEMONSTRATION', department: '75' };
/** Known by a SIRET; INSEE gives no SIREN that begins like this one. */
export const COMPANY = { id: '300000002600013', name: 'EDITEUR DE DEMONSTRATION', department: '69' };
/** The card with which the demo's technical administrator logs in. */
export const LOGIN_CARD = 'cps-auth';

/** A file of the stage: `file(stage, 'ocsp', 'serv-ssl.der')`. */
export const file = ({ directory }: Pick<Stage, 'directory'>, folder: string, name: string): string =>
  join(directory, folder, name);

/** A revocation shows within a second in OCSP and soon after in the CRL; this is when the demo gives up. */
const GIVE_UP_MS = 60_000;

/** Tries until it holds, ten times a second, and gives up with a sentence that says what did not happen. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + GIVE_UP_MS;
  let last = '';
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > giveUp)
      throw new Error(`${what}: not within ${GIVE_UP_MS / 1000} seconds${last}; the folder log may say why`);
    await sleep(100);
  }
}
