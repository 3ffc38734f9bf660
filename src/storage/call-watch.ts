import { AsyncLocalStorage } from 'node:async_hooks';

/** Is told how a call gets on, so that one that is slow can be told from one that hangs. */
export interface CallWatch {
  /** Milliseconds of silence after which the storage is given up. */
  readonly silence: number;
  /** Bytes went over the connection: what is silent from now on hangs, however much is still to come. */
  moved(): void;
  /** Time in which the storage is not to blame: the call waits for its turn here, or for someone who notices himself that nothing comes. */
  waits<Result>(work: () => Promise<Result>): Promise<Result>;
}

const nobody: CallWatch = { silence: 120_000, moved: () => undefined, waits: (work) => work() };

const watches = new AsyncLocalStorage<CallWatch>();

/** Makes a call with someone who watches it. */
export function watched<Result>(watch: CallWatch, call: () => Promise<Result>): Promise<Result> {
  return watches.run(watch, call);
}

/** Who watches the call that this is a part of. To be asked before anything is waited for: events of a connection belong to no call. */
export function watchOfCall(): CallWatch {
  return watches.getStore() ?? nobody;
}
