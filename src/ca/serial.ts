// Serial numbers: 16 random bytes, positive, never padded (RFC 5280 §4.1.2.2 Serial number; BR §7.1 asks 64 unpredictable bits).

import { randomBytes } from 'node:crypto';

/** The value octets of a new serial: the first bit is 0 and the first octet is not, so the INTEGER has exactly 16 octets. */
export function newSerial(random: (size: number) => Uint8Array = randomBytes): Uint8Array {
  for (;;) {
    const octets = Uint8Array.from(random(16));
    octets[0] = (octets[0] ?? 0) & 0x7f;
    if (octets[0] !== 0) return octets;
  }
}
