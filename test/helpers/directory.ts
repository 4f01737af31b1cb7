// A service whose worker part runs in this process, with a real OpenLDAP beside it: what tests of the directory share.

import { type Slapd, startSlapd } from '../../scripts/slapd.ts';
import { loadConfig } from '../../src/config.ts';
import { directoryLag } from '../../src/directory/lag.ts';
import { type DirectoryConnection, openConnection } from '../../src/directory/ldap.ts';
import { createFollower, type DirectoryFollower } from '../../src/directory/publish.ts';
import { type LdapSettings, ldapSettings } from '../../src/directory/settings.ts';
import type { System } from '../../src/system.ts';
import { recordStructures } from './cast.ts';
import { freePort, prepareService, type Service, until, untilReady } from './service.ts';

export const BASE = 'OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR';
const TIMEOUT_MS = 2_000;

export type DirectoryStage = {
  readonly service: Service;
  readonly slapd: Slapd;
  readonly system: System;
  readonly operator: System;
  /** what a process finds in its environment */
  readonly environment: Readonly<Record<string, string>>;
  /** a follower as another process would have it, to the server itself unless told another URL or password */
  follower(holder: string, at?: { readonly url?: string; readonly passwordFile?: string }): DirectoryFollower;
  connection(url?: string): DirectoryConnection;
  stop(): Promise<void>;
};

/** A service whose issuing signer lives by the test's clock, its structures, and an empty directory. */
export async function prepareDirectory(): Promise<DirectoryStage> {
  const slapd = await startSlapd({ port: await freePort() });
  const service = await prepareService();
  service.startTimed('issuing');
  const system = await service.open('worker');
  const operator = await service.open('operator');
  await untilReady(system.issuing);
  await recordStructures(operator);
  const opened: DirectoryConnection[] = [];
  const connect = (settings: LdapSettings): DirectoryConnection => {
    const connection = openConnection(settings, TIMEOUT_MS);
    opened.push(connection);
    return connection;
  };
  const environment = { LDAP_URL: slapd.url, LDAP_BIND_DN: slapd.bindDn, LDAP_PASSWORD_FILE: slapd.passwordFile };
  const settingsFor = (url = slapd.url, file = slapd.passwordFile): LdapSettings => {
    const settings = ldapSettings(loadConfig({ ...environment, LDAP_URL: url, LDAP_PASSWORD_FILE: file }));
    if (settings === undefined) throw new Error('LDAP_URL is set');
    return settings;
  };
  return {
    ...{ service, slapd, system, operator, environment },
    follower: (holder, { url, passwordFile } = {}) =>
      createFollower(
        system,
        [1, 2, 3, 4].map(() => connect(settingsFor(url, passwordFile))),
        holder,
      ),
    connection: (url) => connect(settingsFor(url)),
    async stop() {
      await Promise.all(opened.map((connection) => connection.close()));
      await service.stop();
      await slapd.stop();
    },
  };
}

/**
 * Follows until no row of the feed is behind. A row counts as behind while an older transaction is open, in the database of another
 * test even: the server has one horizon for all.
 */
export const followedToTheEnd = ({ system }: DirectoryStage, follower: DirectoryFollower): Promise<void> =>
  until(async () => {
    await follower.follow();
    return (await directoryLag(system)).rows === 0;
  });
