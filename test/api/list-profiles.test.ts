import { expect, it } from 'vitest';
import { ask, expectInContract } from './fake-use-cases.ts';

it('the profiles are listed as the use case names them', async () => {
  const response = await ask('/v1/profiles');
  expect(response.json()).toEqual({
    profiles: [
      {
        name: 'serv-ssl',
        description: 'TLS server',
        issuer: 'ACI-EL-ORG-TEST',
        issuedBy: 'order',
        digest: 'ab'.repeat(32),
      },
    ],
  });
  expectInContract('listProfiles', response);
});
