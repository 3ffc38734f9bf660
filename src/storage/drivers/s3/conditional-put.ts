import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { Semaphore } from '../../../base/semaphore.ts';

/** How one object is stored and looked for. */
export interface Attempt {
  /** `condition`: the request says that it only holds when there is no such object. */
  readonly send: (condition: boolean) => Promise<void>;
  readonly exists: () => Promise<boolean>;
  /** Whether the object is small enough to be sent twice in order to learn something. */
  readonly isSmall: boolean;
}

/**
 * Puts that must not replace, by the service's own condition where it has one. That is found out with the first such put, by sending the
 * very same object again: a service that refuses the second has looked at the condition of the first as well, one that takes it ignores
 * conditions, and then a look must do.
 */
export class ConditionalPut {
  readonly #turn = new Semaphore(1);
  readonly #documented: boolean;
  #honoured: boolean | undefined;

  /** `documented`: what the service says about itself. It is believed for as long as nothing has been stored. */
  constructor(documented: boolean) {
    this.#documented = documented;
  }

  /** Whether the service decides. */
  get isAtomic(): boolean {
    return this.#honoured ?? this.#documented;
  }

  /** Rejects with `storage/already-exists` when the object is there. */
  async put(name: string, attempt: Attempt, options: CallOptions): Promise<void> {
    if (this.#honoured === undefined) {
      // Others wait for what the first one learns.
      using _turn = await this.#turn.acquire(options);
      if (this.#honoured === undefined) return await this.#probe(name, attempt);
    }
    if (this.#honoured) return attempt.send(true);
    return this.#look(name, attempt);
  }

  async #probe(name: string, { send, exists, isSmall }: Attempt): Promise<void> {
    if (await exists()) throw alreadyThere(name);
    try {
      await send(true);
    } catch (error) {
      if (hasCode(error, 'storage/already-exists')) this.#honoured = true;
      if (!isRefusalOfCondition(error)) throw error;
      await send(false);
      this.#honoured = false;
      return;
    }
    if (!isSmall) return;
    try {
      await send(true);
      this.#honoured = false;
    } catch (error) {
      // The object is stored, whatever happens to the second attempt; when nothing is learnt, the next put tries again.
      if (hasCode(error, 'storage/already-exists')) this.#honoured = true;
    }
  }

  async #look(name: string, { send, exists }: Attempt): Promise<void> {
    if (await exists()) throw alreadyThere(name);
    await send(false);
  }
}

/** The service does not know the header, and says so. */
function isRefusalOfCondition(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  const { answer, status } = error.details;
  return (
    status === 501 ||
    ['NotImplemented', 'InvalidArgument', 'InvalidRequest'].includes(String(answer))
  );
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}
