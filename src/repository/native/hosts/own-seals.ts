import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { writeFileAtomically } from '../../../base/atomic-file.ts';
import { AppError, hasCode, systemCodeOf } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { tryLockFile, type FileLock } from '../../../base/posix/file-lock.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Access } from '../access.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodeSeal, noPreviousSeal } from '../objects/seal.ts';
import type { SealSequence } from '../writer/seal-sequence.ts';

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

  /** `directory`: this machine's state of the repository. */
  constructor(access: Access, directory: string) {
    this.#access = access;
    this.#directory = directory;
  }

  async seal(publish: (next: number, previousSeal: string) => Promise<string>): Promise<number> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    using _lock = await this.#lock();
    const [known, listed] = await Promise.all([this.#remembered(), this.#listed()]);
    const last = known.sequence >= listed.sequence ? known : listed;
    const sequence = last.sequence + 1;
    const hash = await publish(sequence, last.hash);
    await writeFileAtomically(
      join(this.#directory, fileName),
      Buffer.from(`${JSON.stringify({ sequence, hash })}\n`),
    );
    return sequence;
  }

  async #lock(): Promise<FileLock> {
    const path = join(this.#directory, lockName);
    const { clock } = this.#access;
    const begun = clock.monotonic();
    for (;;) {
      const lock = tryLockFile(path);
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

  async #remembered(): Promise<LastSeal> {
    try {
      const value: unknown = JSON.parse(await readFile(join(this.#directory, fileName), 'utf8'));
      if (isLastSeal(value)) return value;
    } catch (error) {
      // Torn or lost: the listing tells as much as there is to know.
      if (!(error instanceof SyntaxError) && systemCodeOf(error) !== 'ENOENT') throw error;
    }
    return none;
  }

  async #listed(): Promise<LastSeal> {
    const { storage, verifying, hostId } = this.#access;
    const seals = mapPool(
      storage.list(objectPrefixes.seal),
      storage.capabilities.concurrency,
      async ({ name }, call): Promise<LastSeal> => {
        if (parseObjectName(name)?.type !== 'seal') return none;
        try {
          const bytes = await storage.read(name, call);
          const { value } = decodeSeal(name, bytes, verifying);
          return value.hostId === hostId
            ? { sequence: value.sequence, hash: toHex(sha256(bytes)) }
            : none;
        } catch (error) {
          // Forgotten meanwhile; or damaged, and then nothing can be learnt from it.
          if (hasCode(error, 'storage/not-found', 'repository/damaged')) return none;
          throw error;
        }
      },
    );
    let last = none;
    for await (const seal of seals) if (seal.sequence > last.sequence) last = seal;
    return last;
  }
}

function isLastSeal(value: unknown): value is LastSeal {
  if (typeof value !== 'object' || value === null) return false;
  const { sequence, hash } = value as Partial<LastSeal>;
  return Number.isSafeInteger(sequence) && typeof hash === 'string' && /^[0-9a-f]{64}$/u.test(hash);
}
