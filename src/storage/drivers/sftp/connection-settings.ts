import type { Secret } from '../../../base/secret.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import type { HostTrustSettings } from './host-trust.ts';
import type { SftpSession } from './session.ts';

/** Everything it takes to reach a server and to log in there. */
export interface ConnectionSettings {
  readonly host: string;
  /** Only if one was given: the configuration of `ssh` may name another than 22. */
  readonly port: number | undefined;
  /** Only if one was given: the configuration of `ssh` may name another than that of this process. */
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly identityFile: string | undefined;
  /** The private key itself. */
  readonly identity: Secret | undefined;
  readonly passphrase: Secret | undefined;
  readonly useAgent: boolean;
  /** A key, a fingerprint, or files; `knownHosts` is empty when those of the system are meant. */
  readonly trust: Pick<HostTrustSettings, 'hostKey' | 'fingerprint' | 'knownHosts'>;
  /** Milliseconds between questions whether the server is still there; 0 for none. */
  readonly keepalive: number;
  /** The words of the `ssh` program and its parameters. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** How sessions with the server are opened, one connection each. */
export interface Connector {
  /** Rejects with `storage/unavailable`, `storage/access-denied`, `storage/untrusted` or `input/usage`. */
  connect(options: CallOptions): Promise<SftpSession>;
}

/** Milliseconds until a server must have let us in. */
export const connectTime = 30_000;

/** So often the server may leave a question unanswered. */
export const keepaliveMisses = 3;

export function whereIs({ host, port }: Pick<ConnectionSettings, 'host' | 'port'>): string {
  if (port === undefined || port === 22) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
