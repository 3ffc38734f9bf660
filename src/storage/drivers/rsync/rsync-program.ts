import type { CallOptions } from '../../../base/call-options.ts';
import { runProgram } from '../../../base/process.ts';
import { watchOfCall } from '../../call-watch.ts';
import {
  addressOf,
  connectionArguments,
  environmentOf,
  type RsyncAddress,
  type RsyncPlace,
} from './rsync-place.ts';

/** How a run ended, with what it printed. */
export interface RsyncResult {
  readonly status: number | undefined;
  readonly output: Buffer;
  readonly lastWords: string;
}

/** Some files were not transferred; which, the messages tell. */
export const partial = 23;

/** Some files vanished while rsync looked at them. */
export const vanished = 24;

/** Runs of rsync between this machine and one place. */
export class RsyncProgram {
  readonly address: RsyncAddress;
  readonly #isDaemon: boolean;
  readonly #arguments: readonly string[];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(place: RsyncPlace, environment: Readonly<Record<string, string | undefined>>) {
    this.address = addressOf(place);
    this.#isDaemon = place.transport === 'daemon';
    this.#arguments = connectionArguments(place);
    this.#environment = environmentOf(place, environment);
  }

  /** Runs rsync; how it ended is for the caller to judge. `names` are given to `--files-from`. Rejects with `signal.reason`. */
  async run(
    parameters: readonly string[],
    { names, signal }: CallOptions & { readonly names?: readonly string[] } = {},
  ): Promise<RsyncResult> {
    // What the shell of the server could change goes by the protocol instead, as names always do.
    const isOdd = parameters.some(
      (text) => text.startsWith('--temp-dir') && /[^\w./=-]/u.test(text),
    );
    const argv = [
      'rsync',
      '--no-motd',
      '-8',
      ...this.#arguments,
      ...this.#patience(),
      ...(isOdd ? ['--protect-args'] : []),
      ...(names === undefined ? [] : ['--files-from=-', '--from0']),
      ...parameters,
    ];
    const input = names && Buffer.from(names.map((name) => `${name}\0`).join(''));
    return runProgram(argv, {
      environment: this.#environment,
      signal,
      grace: 2000,
      ...(input && { input }),
    });
  }

  /** How long rsync itself waits for a byte: as long as the call does, of which nobody else sees whether it moves. */
  #patience(): readonly string[] {
    const seconds = Math.max(1, Math.ceil(watchOfCall().silence / 1000));
    // Only a daemon's address is one that rsync connects to.
    const connecting = this.#isDaemon ? [`--contimeout=${Math.min(seconds, 60)}`] : [];
    return [`--timeout=${seconds}`, ...connecting];
  }
}
