// Takes a renewed TLS key and certificate while the api role runs: the same process, and no connection ends. A pair that is half
// written, mismatched or not valid now is refused, and the old one goes on.

import { createHash } from 'node:crypto';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { Meter } from '../meter.ts';
import { type ApiTls, checkApiTls, readTlsFiles, type TlsFiles } from './api-tls.ts';

/** How often the files are read; a change counts once it was read twice alike. */
const LOOK_MS = 2_000;

type Renewal = {
  readonly shown: ApiTls;
  /** shows another pair from the next handshake on */
  readonly take: (tls: ApiTls) => void;
  readonly clock: () => Date;
  readonly log: Log;
  readonly meter: Meter;
};

export type TlsWatch = Loop & {
  /** what the server shows now */
  shown(): ApiTls;
};

/** Watches the files of `config` until stopped. */
export function watchApiTls(config: Config, renewal: Renewal): TlsWatch {
  const { take, clock, log, meter } = renewal;
  let shown = renewal.shown;
  let lastRead = digestOf(shown);
  let refused: string | undefined;

  const refuse = (digest: string, reason: string): void => {
    if (refused === digest) return;
    refused = digest;
    meter.tlsRenewal('refused');
    log.warn({ reason, notAfter: shown.notAfter }, 'changed TLS files are refused; the certificate in use goes on');
  };
  const look = async (): Promise<void> => {
    const files = readIfThere(config);
    const digest = files === undefined ? 'unreadable' : digestOf(files);
    const settled = digest === lastRead;
    lastRead = digest;
    if (digest === digestOf(shown)) refused = undefined;
    if (!settled || digest === digestOf(shown)) return;
    try {
      if (files === undefined) throw new Refusal('configuration_invalid', 'the files cannot be read');
      const found = checkApiTls(files);
      if (clock() < found.notBefore || clock() > found.notAfter)
        throw new Refusal('configuration_invalid', 'the certificate is not valid now');
      // If we stop before this line, the next process starts with the new files.
      take(found);
      shown = found;
      refused = undefined;
      meter.tlsRenewal('taken');
      log.info({ serial: found.serial, notAfter: found.notAfter }, 'a renewed TLS certificate is shown');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refuse(digest, error.findings[0]?.detail ?? error.message);
    }
  };
  return { ...startLoop('TLS files', LOOK_MS, look, log), shown: () => shown };
}

function readIfThere(config: Config): TlsFiles | undefined {
  try {
    return readTlsFiles(config);
  } catch {
    return undefined;
  }
}

const digestOf = ({ key, cert }: TlsFiles): string =>
  createHash('sha256').update(`${key.length} `).update(key).update(cert).digest('hex');
