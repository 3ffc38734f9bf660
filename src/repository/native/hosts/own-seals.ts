import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeFileAtomically } from '../../../base/atomic-file.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import { makeDirectories } from '../../../base/make-directories.ts';
import { tryLockFile, type FileLock } from '../../../base/posix/file-lock.ts';
import type { Access } from '../access.ts';
import { noPreviousSeal } from '../objects/seal.ts';
import { listForgets, listSeals } from '../reader/snapshot-list.ts';
import type { SealSequence } from '../writer/seal-sequence.ts';
import { stateProblem } from './state-problem.ts';

const fileName = 'last-seal.json';
const lockName = 'seal.lock';
/** How long another process of this machine may take to seal, in milliseconds. */
const PATIENCE = 60_000;
const INTERVAL = 50;

interface LastSeal {
  readonly sequence: number;
  /** SHA-256 of the seal object, in hexadecimal. */
  readonly hash: string;
}

const none: LastSeal = { sequence: 0, hash: noPreviousSeal };

/**
 * The sequence of this machine's seals (native.md, section 12): one more than the largest of its own memory and the storage's listing. One process at a time
 * seals, guarded by a lock file that the system frees when its holder dies.
 */
export class OwnSeals implements SealSequence {
  readonly #access: Access;
  readonly #directory: string;
  readonly #warn: (problem: AppError) => void;

  /** `directory`: this machine's state of the repository. `warn` is told when a seal that is stored cannot be remembered: the listing of the storage has it. */
  constructor(access: Access, directory: string, warn: (problem: AppError) => void) {
    this.#access = access;
    this.#directory = directory;
    this.#warn = warn;
  }

  async seal(
    publish: (next: number, previousSeal: string) => Promise<string | undefined>,
  ): Promise<number | undefined> {
    using _lock = await this.#lock();
    const [known, listed] = await Promise.all([this.#remembered(), this.#listed()]);
    const last = known.sequence >= listed.sequence ? known : listed;
    const sequence = last.sequence + 1;
    const hash = await publish(sequence, last.hash);
    if (hash === undefined) return undefined;
    await this.#remember(sequence, hash);
    return sequence;
  }

  async #remember(sequence: number, hash: string): Promise<void> {
    const path = join(this.#directory, fileName);
    const text = `${JSON.stringify({ host: this.#access.hostId, sequence, hash })}\n`;
    try {
      await writeFileAtomically(path, Buffer.from(text));
    } catch (cause) {
      this.#warn(stateProblem(path, cause));
    }
  }

  async #lock(): Promise<FileLock> {
    const path = join(this.#directory, lockName);
    const { clock } = this.#access;
    const begun = clock.monotonic();
    for (;;) {
      const lock = await this.#tryLock(path);
      if (lock !== undefined) return lock;
      if (clock.monotonic() - begun > PATIENCE) {
        throw new AppError(
          'repository/locked',
          'Another backup of this machine is sealing its snapshot',
          {
            hint: 'Wait for it to end, then run the backup again',
          },
        );
      }
      await clock.sleep(INTERVAL);
    }
  }

  async #tryLock(path: string): Promise<FileLock | undefined> {
    try {
      await makeDirectories(this.#directory, { mode: 0o700 });
      return tryLockFile(path);
    } catch (cause) {
      throw stateProblem(path, cause);
    }
  }

  async #remembered(): Promise<LastSeal> {
    const { hostId } = this.#access;
    const path = join(this.#directory, fileName);
    try {
      const value: unknown = JSON.parse(await readFile(path, 'utf8'));
      // A machine that had to take another id counts from the beginning.
      if (isLastSeal(value) && (value.host ?? hostId) === hostId) return value;
    } catch (error) {
      // Torn or lost: the listing tells as much as there is to know.
      if (!(error instanceof SyntaxError) && systemCodeOf(error) !== 'ENOENT') {
        throw stateProblem(path, error);
      }
    }
    return none;
  }

  /** The last one that the storage knows of, forgotten ones among them. */
  async #listed(): Promise<LastSeal> {
    const { hostId } = this.#access;
    const [seals, forgets] = await Promise.all([
      listSeals(this.#access),
      listForgets(this.#access),
    ]);
    const known = [
      ...seals.seals.map(({ value, hash }) => ({ ...value, hash })),
      ...forgets.forgets.flatMap(({ snapshots }) =>
        snapshots.map((one) => ({ ...one, hash: one.sealHash })),
      ),
    ];
    let last = none;
    for (const { hostId: host, sequence, hash } of known) {
      if (host === hostId && sequence > last.sequence) last = { sequence, hash };
    }
    return last;
  }
}

function isLastSeal(value: unknown): value is LastSeal & { readonly host?: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const { sequence, hash } = value as Partial<LastSeal>;
  return Number.isSafeInteger(sequence) && typeof hash === 'string' && /^[0-9a-f]{64}$/u.test(hash);
}
