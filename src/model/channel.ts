import type { SecretValue } from './secret-value.ts';

/** How a channel is reached, as it is written in a configuration. */
export interface ChannelSettings {
  /** Such as `mail`, `webhook`, `ntfy`; a URL (`ntfy://host/topic`) says it by its scheme. */
  readonly type: string;
  readonly url?: SecretValue;
}
