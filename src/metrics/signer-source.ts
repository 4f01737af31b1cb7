// The gauges of a token, asked over the socket or in the signer itself: so it knows neither database nor network.

import type { SignerHealth } from '#hsm/client.ts';
import type { Sample, Source } from './source.ts';

const BREAKER_STATES = ['closed', 'open', 'half-open'] as const;
const TOKEN_STATES = ['opening', 'open', 'away', 'latched'] as const;

/** A token as its signer shows it, asked over the socket or in the signer itself. */
export const signerSource = (
  token: 'issuing' | 'ocsp',
  health: () => SignerHealth | Promise<SignerHealth>,
): Source => ({
  name: `${token} signer`,
  async read() {
    try {
      return signerSamples(token, await health());
    } catch {
      return [{ name: 'igc_signer_up', labels: { token }, value: 0 }];
    }
  },
});

function signerSamples(token: string, health: SignerHealth): readonly Sample[] {
  const labels = { token };
  const { ready, queued, inFlight, hung = 0, missingKeys } = health;
  return [
    { name: 'igc_signer_up', labels, value: 1 },
    { name: 'igc_signer_ready', labels, value: Number(ready) },
    { name: 'igc_signer_queued_calls', labels, value: queued },
    { name: 'igc_signer_calls_in_flight', labels, value: inFlight },
    { name: 'igc_signer_hung_calls', labels, value: hung },
    { name: 'igc_token_missing_keys', labels, value: missingKeys.length },
    ...BREAKER_STATES.map(
      (state): Sample => ({
        name: 'igc_signer_breaker_state',
        labels: { token, state },
        value: Number(health.breaker === state),
      }),
    ),
    ...TOKEN_STATES.map(
      (state): Sample => ({ name: 'igc_token_state', labels: { token, state }, value: Number(health.state === state) }),
    ),
  ];
}
