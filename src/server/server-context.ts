import type { CallOptions } from '../base/call-options.ts';
import type { Secret } from '../base/secret.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Feed } from '../service/feed.ts';
import type { ServiceLog } from '../service/log.ts';
import type { RunEvent } from '../service/run-event.ts';
import type { ServiceStatusSource } from '../service/status/service-status.ts';

/** What the HTTP interface works with. */
export interface ServerContext extends ServiceStatusSource {
  readonly log: ServiceLog;
  /** What happens while runs are under way in this process. */
  readonly feed: Feed<RunEvent>;
  /** Who knows it may do everything. */
  readonly token: Secret;
  /** Also ask for the token at `/metrics`. */
  readonly isMetricsPrivate?: boolean;
  /**
   * Names under which the server may be called, without ports; `undefined` for any. A page of the web can make a browser call a server on the
   * loopback by a name of its own (DNS rebinding), but it cannot make it send another name.
   */
  readonly hostNames?: readonly string[] | undefined;
  /** Aborts when the server ends: streams of events end with it. */
  readonly closing?: AbortSignal;
  /** Why no runs are started just now; `undefined` if they are. */
  readonly standstill?: () => string | undefined;
  /** Sends a message for trial. Rejects with `notify/…`. */
  readonly testChannel?: (
    name: string,
    settings: ChannelSettings,
    options: CallOptions,
  ) => Promise<void>;
}
