// Each OCSP answer told to the meter: what it says, and how long it took. It changes nothing of the answer.

import { type Meter, type OcspWord, secondsSince } from '../meter.ts';
import type { OcspAnswer } from './respond.ts';

type Respond = (requestDer: Uint8Array) => Promise<OcspAnswer>;

/** `respond`, measured; what it throws counts as internalError and goes on. */
export const measureOcsp =
  (meter: Meter, respond: Respond): Respond =>
  async (requestDer) => {
    const began = performance.now();
    let word: OcspWord = 'internalError';
    try {
      const answer = await respond(requestDer);
      word = answer.says;
      return answer;
    } finally {
      meter.ocspAnswer(word, secondsSince(began));
    }
  };
