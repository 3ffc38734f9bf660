import { AppError } from '../base/errors.ts';

/** What `watchSignals` needs of the process. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (name: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (name: NodeJS.Signals) => void): unknown;
}

export interface SignalWatch extends Disposable {
  /** Aborts with `interrupted` at the first signal. */
  readonly signal: AbortSignal;
  /** Has SIGHUP handed to a listener, as a service wants it, instead of stopping; until it is disposed of. */
  onHangUp(listener: () => void): Disposable;
  /** As the first signal does. */
  stop(): void;
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns the signals that ask a program to stop into an abort. The first one stops in order and says so; the second one calls `exit`
 * at once with status 130.
 */
export function watchSignals(
  source: SignalSource,
  say: (text: string) => void,
  exit: (status: number) => void,
): SignalWatch {
  const controller = new AbortController();
  const hangUpListeners = new Set<() => void>();
  const stop = (): void =>
    controller.abort(
      new AppError('interrupted', 'Interrupted', { hint: 'Run it again to continue' }),
    );
  const onSignal = (name?: NodeJS.Signals): void => {
    if (name === 'SIGHUP' && hangUpListeners.size > 0) {
      for (const listener of hangUpListeners) listener();
      return;
    }
    if (controller.signal.aborted) {
      exit(130);
      return;
    }
    say('holdfast: stopping in order; again to stop at once\n');
    stop();
  };
  for (const name of stopSignals) source.on(name, onSignal);
  return {
    signal: controller.signal,
    onHangUp(listener) {
      hangUpListeners.add(listener);
      return { [Symbol.dispose]: () => void hangUpListeners.delete(listener) };
    },
    stop,
    [Symbol.dispose]() {
      for (const name of stopSignals) source.off(name, onSignal);
    },
  };
}
