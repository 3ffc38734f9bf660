import { systemClock } from '../../src/base/clock.ts';
import type { ConnectionSettings } from '../../src/storage/drivers/sftp/connection-settings.ts';

/** Settings of a connection to the host `h` by a command, with nothing else given but `more`. */
export function sftpSettings(
  command: readonly string[],
  more: Partial<ConnectionSettings> = {},
): ConnectionSettings {
  return {
    host: 'h',
    port: undefined,
    user: undefined,
    password: undefined,
    identityFile: undefined,
    identity: undefined,
    passphrase: undefined,
    useAgent: true,
    trust: { hostKey: undefined, fingerprint: undefined, knownHosts: [] },
    keepalive: 20_000,
    command,
    environment: {},
    clock: systemClock,
    ...more,
  };
}
