import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { runProgram } from '../../../base/process.ts';

export interface MeteredOptions extends CallOptions {
  /** For the programs that are asked; `PATH` above all. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** `NM_METERED_YES` and `NM_METERED_GUESS_YES` of NetworkManager's `NMMetered`. */
const metered = new Set(['u 1', 'u 3']);
const timeLimit = 5000;

/**
 * Whether NetworkManager takes the connection for one that is paid by volume. Asked over the bus by `busctl`, or by `nmcli`; a machine that knows nothing of it
 * is not on a metered connection.
 */
export async function isMetered(options: MeteredOptions): Promise<boolean> {
  const byBus = await ask(
    [
      'busctl',
      '--system',
      'get-property',
      'org.freedesktop.NetworkManager',
      '/org/freedesktop/NetworkManager',
      'org.freedesktop.NetworkManager',
      'Metered',
    ],
    options,
  );
  if (byBus !== undefined) return metered.has(byBus);
  const byTool = await ask(['nmcli', '-t', '-f', 'GENERAL.METERED', 'device', 'show'], options);
  return /^GENERAL\.METERED:yes/mu.test(byTool ?? '');
}

/** What a program prints; `undefined` if it is not there or says no. */
async function ask(
  argv: readonly string[],
  { environment, signal }: MeteredOptions,
): Promise<string | undefined> {
  try {
    const { status, output } = await runProgram(argv, { environment, signal, timeLimit });
    return status === 0 ? output.toString('utf8').trim() : undefined;
  } catch (error) {
    if (!hasCode(error, 'process/failed')) throw error;
    return undefined;
  }
}
