import type { Clock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { resolveSecret } from '../configuration/resolve-secret.ts';
import type { ServiceLog } from './log.ts';
import type { OwnProgramSettings } from './program/own-program.ts';
import { outsideEnvironment } from './runner/outside-environment.ts';
import type { OutboxSenderContext } from './telling/outbox-sender.ts';

export interface TellingOptions {
  readonly catalog: Catalog;
  readonly worker: { readonly id: string };
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly program: OwnProgramSettings;
  /** Relative paths of channels are relative to this; the directory that we work in if it is not said. */
  readonly baseDirectory?: string | undefined;
}

/** What the sender of reports works with. */
export function tellingContext({
  catalog,
  worker,
  clock,
  log,
  program: { environment, directory },
  baseDirectory = directory,
}: TellingOptions): OutboxSenderContext {
  return {
    catalog,
    worker: worker.id,
    clock,
    random: systemRandom,
    log,
    channels: {
      resolveSecret: (value, what, options) =>
        resolveSecret(value, { environment, baseDirectory }, what, options),
      baseDirectory,
      environment: outsideEnvironment(environment),
      clock,
      random: systemRandom,
    },
  };
}
