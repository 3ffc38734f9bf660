import type { Clock } from '../../base/clock.ts';
import type { StepRecord } from '../../model/run.ts';
import type { SecretMask } from '../program/mask-secrets.ts';
import type { StepEnd, StepLog, StepUnderway } from './step-context.ts';

export interface RunStepLogOptions {
  readonly clock: Clock;
  readonly mask: SecretMask;
  /** Writes all steps so far. */
  readonly write: (steps: readonly StepRecord[]) => Promise<void>;
  readonly onStep: (step: StepRecord) => void;
  /** Told that they could not be written. The work goes on, and so does what puts things right after it: all steps are written again with the next one, and with the end of the run. */
  readonly onUnwritten?: (error: unknown) => void;
  /** What was done before: of a run that was broken off. */
  readonly before?: readonly StepRecord[];
}

/** The steps of one run. Steps may overlap. */
export class RunStepLog implements StepLog {
  readonly #options: RunStepLogOptions;
  readonly #steps: StepRecord[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(options: RunStepLogOptions) {
    this.#options = options;
    this.#steps.push(...(options.before ?? []));
  }

  get steps(): readonly StepRecord[] {
    return [...this.#steps];
  }

  async begin({ name, kind, destination }: Parameters<StepLog['begin']>[0]): Promise<StepUnderway> {
    const { clock, mask } = this.#options;
    const begun: StepRecord = {
      name: mask.mask(name),
      kind,
      ...(destination !== undefined && { destination: mask.mask(destination) }),
      startedAt: clock.now(),
    };
    const index = this.#steps.push(begun) - 1;
    await this.#write(begun);
    return {
      startedAt: begun.startedAt,
      end: async (how) => {
        const ended = { ...begun, ...withoutUndefined(mask.maskAll(how)), finishedAt: clock.now() };
        this.#steps[index] = ended;
        await this.#write(ended);
        return ended;
      },
    };
  }

  /** Adds a step that is over. */
  async add(step: StepRecord): Promise<void> {
    const masked = this.#options.mask.maskAll(step);
    this.#steps.push(masked);
    await this.#write(masked);
  }

  /** One after the other, each with all that is known by then. */
  async #write(step: StepRecord): Promise<void> {
    this.#options.onStep(step);
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#options.write(this.steps);
      } catch (error) {
        this.#options.onUnwritten?.(error);
      }
    });
    await this.#writing;
  }
}

function withoutUndefined(how: StepEnd): StepEnd {
  return Object.fromEntries(
    Object.entries(how).filter(([, value]) => value !== undefined),
  ) as unknown as StepEnd;
}
