// A PIN comes from a file of one line, for services and for ceremonies alike.
import { readFileSync } from 'node:fs';
import { Refusal } from '../src/errors.ts';

/** The PIN in a file, without its line end. Throws Refusal `configuration_invalid` that names the file alone. */
export function readPin(path: string): string {
  const pin = textOf(path).replace(/\r?\n$/, '');
  if (pin !== '' && !/[\r\n]/.test(pin)) return pin;
  throw new Refusal('configuration_invalid', `${path} holds no PIN`, [
    {
      rule: 'a PIN file holds one line',
      at: path,
      detail: 'missing, empty, or more than one line',
      remedy: 'write the PIN into it, or run `igc hierarchy create --generate-pins`',
    },
  ]);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
