import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { CharmStatus } from '../../configuration/charm/charm-status.ts';

/** The tools that Juju puts into the PATH of hooks and actions. */
export class JujuTools {
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #options: CallOptions;

  constructor(environment: Readonly<Record<string, string | undefined>>, options: CallOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  /** Whether a hook or an action of Juju's called this program. */
  static isThere(environment: Readonly<Record<string, string | undefined>>): boolean {
    return (environment['JUJU_CONTEXT_ID'] ?? '') !== '';
  }

  /** The options of the unit. */
  async configuration(): Promise<Readonly<Record<string, unknown>>> {
    return await this.#json(['config-get', '--format=json']);
  }

  /** The parameters of the action. */
  async actionParameters(): Promise<Readonly<Record<string, unknown>>> {
    return await this.#json(['action-get', '--format=json']);
  }

  async setStatus({
    state,
    message,
  }: CharmStatus | { state: 'maintenance'; message: string }): Promise<void> {
    await this.#run(['status-set', state, message]);
  }

  async log(message: string): Promise<void> {
    // A message may begin with a dash.
    await this.#run(['juju-log', '--', message]);
  }

  /** What the action found. Values of any length. */
  async setResults(results: Readonly<Record<string, string>>): Promise<void> {
    await this.#run([
      'action-set',
      ...Object.entries(results).map(([name, value]) => `${name}=${value}`),
    ]);
  }

  async failAction(message: string): Promise<void> {
    await this.#run(['action-fail', message]);
  }

  async #json(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.#run(argv);
    try {
      const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
      if (typeof value === 'object' && value !== null) return { ...value };
    } catch (cause) {
      throw new AppError('process/failed', `"${argv[0]}" printed no JSON: ${messageOf(cause)}`, {
        cause,
      });
    }
    return {};
  }

  async #run(argv: readonly string[]): Promise<string> {
    const result = await runProgram(argv, {
      ...this.#options,
      environment: this.#environment,
      timeLimit: 60_000,
    });
    const failure = failureOf(result);
    if (failure === undefined) return result.output.toString('utf8');
    throw new AppError('process/failed', `"${argv[0]}" failed: ${failure}`);
  }
}
