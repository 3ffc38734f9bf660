import type { ConnectionOptions } from 'node:tls';

import type { Clock } from '../../../base/clock.ts';
import type { Secret } from '../../../base/secret.ts';
import type { DataConnection } from './data-channel.ts';

/** How a connection to the server is encrypted: not at all, after `AUTH TLS`, or from its first byte. */
export type FtpEncryption = 'none' | 'explicit' | 'implicit';

/** Everything that one connection has to know. */
export interface FtpSettings {
  readonly host: string;
  readonly port: number;
  /** Without one the login is anonymous. */
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly encryption: FtpEncryption;
  readonly dataConnection: DataConnection;
  /** Whom to trust; the context is made once, since reading the authorities takes longer than a small transfer. */
  readonly trust: Pick<ConnectionOptions, 'secureContext' | 'checkServerIdentity'>;
  readonly clock: Clock;
}

/** What the first connection has found out about the server; the later ones do not ask again. */
export interface FtpServer {
  /** What it answers to FEAT, in capitals. */
  readonly features: ReadonlySet<string>;
  /** The directory of the login, absolute. */
  readonly home: string;
  /** How data connections are made, once that is known. */
  dataConnection: DataConnection;
}
