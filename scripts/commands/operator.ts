// Who works at the command line, and the running parts that a command opens and closes again.

import { userInfo } from 'node:os';
import type { Actor } from '../../src/actor.ts';
import { type ConfigName, loadConfig, required, requiredAll } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type OpenSystem, openSystem } from '../../src/open-system.ts';

/**
 * The operator: the person whom IGC_OPERATOR names, else the user of the operating system, who has logged in there. Throws Refusal
 * `configuration_invalid` where neither has a name, as in containers: the audit is to name people.
 */
export function operator(): Extract<Actor, { kind: 'operator' }> {
  const config = loadConfig();
  return { kind: 'operator', id: config.IGC_OPERATOR ?? userName() ?? required(config, 'IGC_OPERATOR') };
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A uid without a line in the password file.
    return undefined;
  }
}

/**
 * Opens the System with the operators' sockets, runs `act`, and closes it whatever comes. `needs` are variables that `act` cannot do
 * without: one answer names all that is missing.
 */
export async function withSystem<T>(
  act: (system: OpenSystem) => Promise<T>,
  needs: readonly ConfigName[] = [],
): Promise<T> {
  const config = loadConfig();
  requiredAll(config, [...SYSTEM_NEEDS, ...needs]);
  const system = await openSystem(config, { role: 'operator', log: createLog(config, 'igc') });
  try {
    return await act(system);
  } finally {
    await system.close();
  }
}

const SYSTEM_NEEDS = ['DATABASE_URL', 'SIGNER_SOCKETS'] as const;
