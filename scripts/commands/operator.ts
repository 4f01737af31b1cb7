// Who works at the command line, and the running parts that a command opens and closes again.

import { userInfo } from 'node:os';
import type { Actor } from '../../src/actor.ts';
import { type ConfigName, loadConfig, requiredAll } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type OpenSystem, openSystem } from '../../src/open-system.ts';

/** The operator: the user of the operating system, who has logged in there. */
export function operator(): Extract<Actor, { kind: 'operator' }> {
  return { kind: 'operator', id: userName() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without a line in the password file, as containers have them.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
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
