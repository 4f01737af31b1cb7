// How often something is tried that failed before.

import { describe, expect, it } from 'vitest';
import { createPatience } from '../src/patience.ts';

function patienceAt(): { patience: ReturnType<typeof createPatience>; pass: (ms: number) => void } {
  let now = 1_000_000;
  return { patience: createPatience(() => now), pass: (ms) => (now += ms) };
}

describe('patience', () => {
  it('doubles the pause with each failure, up to ten minutes', () => {
    const { patience, pass } = patienceAt();
    const pauses: number[] = [];
    for (let failure = 0; failure < 12; failure += 1) {
      patience.failed('ACI');
      let waited = 0;
      while (!patience.mayTry('ACI')) {
        pass(1_000);
        waited += 1;
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([3, 6, 12, 24, 48, 96, 192, 384, 600, 600, 600, 600]);
  });

  it('holds none of the others', () => {
    const { patience } = patienceAt();
    patience.failed('ACI-EL');
    expect([patience.mayTry('ACI-EL'), patience.mayTry('ACI-FO')]).toEqual([false, true]);
  });

  it('begins anew after a success', () => {
    const { patience, pass } = patienceAt();
    patience.failed('ACI');
    patience.failed('ACI');
    patience.succeeded('ACI');
    expect(patience.mayTry('ACI')).toBe(true);
    patience.failed('ACI');
    pass(3_000);
    expect(patience.mayTry('ACI')).toBe(true);
  });

  it('rests as long as it is told', () => {
    const { patience, pass } = patienceAt();
    patience.rest('ACI', 20_000);
    pass(19_999);
    expect(patience.mayTry('ACI')).toBe(false);
    pass(1);
    expect(patience.mayTry('ACI')).toBe(true);
  });
});
