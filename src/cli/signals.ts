import { AppError } from '../base/errors.ts';

/** What `watchSignals` needs of the process. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface SignalWatch extends Disposable {
  /** Aborts with `interrupted` at the first signal. */
  readonly signal: AbortSignal;
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
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      exit(130);
      return;
    }
    say('holdfast: stopping in order; again to stop at once\n');
    controller.abort(
      new AppError('interrupted', 'Interrupted', { hint: 'Run it again to continue' }),
    );
  };
  for (const name of stopSignals) source.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of stopSignals) source.off(name, onSignal);
    },
  };
}
