import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

import type { CallOptions } from '../../../base/call-options.ts';
import { equalBytes } from '../../../base/bytes.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { Turns } from '../../../base/turns.ts';
import { type Body, piecesOf } from '../../body.ts';
import type { GetOptions, PutOptions, Storage } from '../../storage.ts';
import { directoriesOf } from '../forward.ts';
import {
  checkProtectedName,
  fileNameOf,
  indexNameOf,
  isPar2Name,
  isRecoveryFileOf,
} from './par2-name.ts';
import { type FileDescription, fileDescriptionsIn, fileDescriptionsOf } from './par2-packets.ts';
import type { Par2Program } from './par2-program.ts';
import { Scratch, type WrittenFile } from './scratch.ts';

export interface ProtectingSettings {
  readonly program: Par2Program;
  /** Where directories for temporary files are made; that of the system by default. */
  readonly temporary?: string | undefined;
  readonly warn: (problem: AppError) => void;
}

/** An index of 32,768 blocks, the most there can be, has about a megabyte for each of its checksums. */
const largestIndex = 16 * 1024 ** 2;

/**
 * Keeps recovery files beside each object, as duplicity's `par2+` does: `NAME.par2` with checksums, `NAME.volA+B.par2` with what repairs.
 * They are never listed. An object that is read whole is verified first, and repaired if need be (what is stored stays as it is); a range
 * is read as it is stored.
 */
export function protecting(inner: Storage, settings: ProtectingSettings): Storage {
  const { program, temporary, warn } = settings;
  const turns = new Turns();
  let isToldUnprotected = false;

  async function put(name: string, body: Body, options: PutOptions = {}): Promise<void> {
    const { signal, ifAbsent = false } = options;
    signal?.throwIfAborted();
    checkProtectedName(name);
    await using scratch = await Scratch.make(temporary);
    const file = fileNameOf(name);
    const { size } = await scratch.write(file, piecesOf(name, body, { signal }), { signal });
    // There is nothing to repair in an empty object, and the program refuses it.
    const files = size === 0 ? [] : await program.protect(scratch.directory, file, { signal });
    using _turn = await turns.take(name, { signal });
    const replaces = await isThere(inner, name, { signal });
    if (replaces && !ifAbsent) await removeRecoveryFiles(inner, name, { signal });
    await inner.put(name, scratch.source(file, size), options);
    try {
      // The index comes last: without it the others are not looked at. What was replaced cannot come back, so it is too late to stop.
      for (const each of files.toSorted((left, right) => right.length - left.length)) {
        const { size: length } = await scratch.measure(each, {});
        await inner.put(name + each.slice(file.length), scratch.source(each, length), {
          signal: replaces ? undefined : signal,
        });
      }
    } catch (error) {
      if (replaces) {
        warn(
          new AppError(
            'storage/unavailable',
            `"${name}" is stored, but its recovery files are not: ${messageOf(error)}`,
            { cause: error },
          ),
        );
        return;
      }
      await remove(inner, name);
      throw error;
    }
  }

  /** The object in a file whose content is as the recovery files say, if there are any. The caller disposes of the directory. */
  async function verified(name: string, { signal }: CallOptions): Promise<Scratch> {
    const file = fileNameOf(name);
    const scratch = await Scratch.make(temporary);
    try {
      let index = await readIndex(name, { signal });
      for (;;) {
        const stream = await inner.get(name, { signal });
        const written = await scratch.write(file, stream, { signal });
        if (index === undefined) {
          tellUnprotected(name, written.size);
          return scratch;
        }
        if (isDescribed(fileDescriptionsOf(index), written)) return scratch;
        // While it is replaced, the object and the index may be of different times.
        const now = await readIndex(name, { signal });
        if (now !== undefined && equalBytes(now, index)) {
          await repair(name, written, scratch, { signal });
          return scratch;
        }
        index = now;
        await scratch.remove(file);
      }
    } catch (error) {
      await scratch[Symbol.asyncDispose]();
      throw error;
    }
  }

  async function repair(
    name: string,
    before: WrittenFile,
    scratch: Scratch,
    { signal }: CallOptions,
  ): Promise<void> {
    const file = fileNameOf(name);
    const known: FileDescription[] = [];
    for await (const object of inner.list(`${name}.`, { signal })) {
      if (!isRecoveryFileOf(name, object.name)) continue;
      const beside = file + object.name.slice(name.length);
      await scratch.write(beside, await inner.get(object.name, { signal }), { signal });
      await using handle = await open(scratch.pathOf(beside), 'r');
      known.push(...(await fileDescriptionsIn(handle)));
      const strange = known.find((each) => each.name !== file);
      // The program would write to that name: never let what lies in a storage choose it.
      if (strange !== undefined)
        throw damaged(
          name,
          `"${object.name}" is for another file, ${JSON.stringify(strange.name)}`,
        );
    }
    if (isDescribed(known, before)) {
      tell(`The object "${name}" is whole, but "${indexNameOf(name)}" is damaged`);
      return;
    }
    const failure = await program.repair(scratch.directory, file, { signal });
    if (failure !== undefined) throw damaged(name, failure);
    if (!isDescribed(known, await scratch.measure(file, { signal })))
      throw damaged(name, 'what came out is not what they describe');
    tell(`"${name}" is damaged; it was repaired for reading with its recovery files`);
  }

  function tell(what: string): void {
    warn(
      new AppError('repository/damaged', `${what} (in "${inner.location}")`, {
        hint: 'Look after the storage: what lies there is as damaged as before',
      }),
    );
  }

  /** `undefined` when there is none, or none that can be read: that must not keep anybody from the object itself. */
  async function readIndex(name: string, { signal }: CallOptions): Promise<Uint8Array | undefined> {
    try {
      const { size } = await inner.stat(indexNameOf(name), { signal });
      if (size <= largestIndex) return await inner.read(indexNameOf(name), { signal });
      throw new AppError('repository/damaged', `"${indexNameOf(name)}" has ${size} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      if (hasCode(error, 'storage/not-found')) return undefined;
      warn(
        new AppError(
          'storage/unavailable',
          `Cannot read the recovery files of "${name}": ${messageOf(error)}`,
          { cause: error },
        ),
      );
      return undefined;
    }
  }

  function tellUnprotected(name: string, size: number): void {
    if (size === 0 || isToldUnprotected) return;
    isToldUnprotected = true;
    warn(
      new AppError(
        'storage/not-found',
        `"${name}" has no recovery files in "${inner.location}": it is used as it is`,
        { hint: 'There may be more such objects; this is told once' },
      ),
    );
  }

  return {
    location: inner.location,
    capabilities: inner.capabilities,
    ...directoriesOf(inner),
    put,
    async get(name, options: GetOptions = {}) {
      const { signal, range } = options;
      signal?.throwIfAborted();
      checkProtectedName(name);
      if (range !== undefined) return inner.get(name, options);
      const scratch = await verified(name, { signal });
      return scratch.stream(fileNameOf(name), {
        signal,
        close: () => scratch[Symbol.asyncDispose](),
      });
    },
    async read(name, options: GetOptions = {}) {
      const { signal, range } = options;
      signal?.throwIfAborted();
      checkProtectedName(name);
      if (range !== undefined) return inner.read(name, options);
      const index = await readIndex(name, { signal });
      const bytes = await inner.read(name, { signal });
      if (index === undefined) {
        tellUnprotected(name, bytes.byteLength);
        return bytes;
      }
      const md5 = createHash('md5').update(bytes).digest('hex');
      if (isDescribed(fileDescriptionsOf(index), { size: bytes.byteLength, md5 })) return bytes;
      await using scratch = await verified(name, { signal });
      return await scratch.read(fileNameOf(name), { signal });
    },
    async stat(name, options) {
      options?.signal?.throwIfAborted();
      checkProtectedName(name);
      return inner.stat(name, options);
    },
    async *list(prefix, options) {
      for await (const object of inner.list(prefix, options))
        if (!isPar2Name(object.name)) yield object;
    },
    async delete(name, options = {}) {
      options.signal?.throwIfAborted();
      checkProtectedName(name);
      using _turn = await turns.take(name, options);
      await remove(inner, name, options);
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function isDescribed(known: readonly FileDescription[], { size, md5 }: WrittenFile): boolean {
  return known.some((each) => each.size === size && each.md5 === md5);
}

async function isThere(storage: Storage, name: string, options: CallOptions): Promise<boolean> {
  try {
    await storage.stat(name, options);
    return true;
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return false;
    throw error;
  }
}

/** The recovery files first: an object that is left over is seen and deleted again, they would not be. */
async function remove(storage: Storage, name: string, options: CallOptions = {}): Promise<void> {
  await removeRecoveryFiles(storage, name, options);
  await storage.delete(name, options);
}

async function removeRecoveryFiles(
  storage: Storage,
  name: string,
  options: CallOptions,
): Promise<void> {
  const found: string[] = [];
  try {
    for await (const object of storage.list(`${name}.`, options))
      if (isRecoveryFileOf(name, object.name)) found.push(object.name);
  } catch (error) {
    // Where nothing was ever stored.
    if (!hasCode(error, 'storage/not-found')) throw error;
  }
  // The index first: without it the others are not looked at.
  for (const each of found.toSorted((left, right) => left.length - right.length))
    await storage.delete(each, options);
}

function damaged(name: string, reason: string): AppError {
  return new AppError(
    'repository/damaged',
    `"${name}" is damaged, and its recovery files cannot repair it: ${reason}`,
    {
      hint: 'More can be repaired when "par2-redundancy" is higher, for what is stored from then on',
    },
  );
}
