// A signer in a process of its own, for tests: configured by a JSON file, its log on standard output, one JSON object a line.
import { readFileSync } from 'node:fs';
import { runSigner, type SignerConfig } from '#hsm/signer.ts';

type FileConfig = Omit<SignerConfig, 'authorities' | 'log' | 'clock'> & {
  readonly authorities: readonly { readonly id: string; readonly certificate: string }[];
};

const log = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

const config: FileConfig = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const authorities = config.authorities.map(({ id, certificate }) => ({
  id,
  certificate: Buffer.from(certificate, 'base64'),
}));
const signer = await runSigner({ ...config, authorities, log });
log({ event: 'test.listening' });
process.once('SIGTERM', () => void signer.close());
