import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import { resolveRange } from '../../byte-range.ts';
import { streamOf } from '../../byte-stream.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { watchOfCall } from '../../call-watch.ts';
import { Batches, type Outcome } from './batches.ts';
import { parseItemized, parseListing } from './rsync-output.ts';
import { partial, type RsyncProgram, type RsyncResult, vanished } from './rsync-program.ts';
import type { Spool } from './spool.ts';
import { whileGrowing } from './while-growing.ts';
import { systemErrorIn, translateFailure } from './translate-failure.ts';
import {
  checkNotReserved,
  directoriesAbove,
  inTheWay,
  Preparation,
  unfinished,
} from './unfinished.ts';

/** Calls in one run of rsync at most. */
const largestBatch = 64;

/** How much of a file is read at a time. */
const pieceSize = 256 * 1024;

interface PutCall {
  readonly name: string;
  /** In the spool. */
  readonly file: string;
  readonly ifAbsent: boolean;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
}

/**
 * Objects as files of an rsync daemon, or of a server with ssh and rsync. rsync sends and fetches whole files, so they pass through a spool,
 * also for a range; calls that are made at the same time go together in one run. rsync compares checksums of what arrived, writes to a
 * temporary directory and renames. It cannot create a file only if there is none.
 */
export class RsyncStorage implements Storage {
  readonly location: string;
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: false,
    listingLag: 0,
    modifiedTimes: true,
    // Calls that wait together go together.
    concurrency: 64,
  };
  readonly #program: RsyncProgram;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #preparation: Preparation;
  readonly #puts: Batches<PutCall, void>;
  readonly #fetches: Batches<string, OpenFile>;
  readonly #stats: Batches<string, StorageObject>;
  readonly #deletions: Batches<string, void>;

  constructor(
    program: RsyncProgram,
    {
      spool,
      clock,
      location,
    }: { readonly spool: Spool; readonly clock: Clock; readonly location: string },
  ) {
    this.#program = program;
    this.#spool = spool;
    this.#clock = clock;
    this.location = location;
    this.#preparation = new Preparation(program, spool, clock);
    this.#puts = new Batches({
      run: (calls, options) => this.#putAll(calls, options),
      largest: largestBatch,
      atOnce: 2,
      keyOf: ({ ifAbsent }) => String(ifAbsent),
      stops: true,
    });
    this.#fetches = new Batches({
      run: (names, options) => this.#fetchAll(names, options),
      largest: largestBatch,
      atOnce: 2,
      stops: false,
      discard: ({ handle }) => void handle.close().catch(() => undefined),
    });
    this.#stats = new Batches({
      run: (names, options) => this.#statAll(names, options),
      largest: 1000,
      atOnce: 1,
      stops: false,
    });
    this.#deletions = new Batches({
      run: (names, options) => this.#deleteAll(names, options),
      largest: 1000,
      atOnce: 1,
      stops: true,
    });
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    checkName(name);
    const file = await this.#spool.write(name, body, { signal });
    try {
      await transferring(() => this.#puts.submit({ name, file, ifAbsent }, { signal }));
    } finally {
      await this.#spool.remove(file);
    }
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const { handle, offset, length } = await this.#open(name, { signal, ...(range && { range }) });
    let position = offset;
    return streamOf(
      {
        async next() {
          const left = offset + length - position;
          if (left === 0) return undefined;
          const piece = new Uint8Array(Math.min(left, pieceSize));
          const { bytesRead } = await handle.read(piece, 0, piece.byteLength, position);
          if (bytesRead === 0)
            throw new AppError('storage/unavailable', `Reading "${name}" ended too early`);
          position += bytesRead;
          return piece.subarray(0, bytesRead);
        },
        close: () => handle.close(),
      },
      { signal },
    );
  }

  async read(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { handle, offset, length } = await this.#open(name, options);
    try {
      const bytes = new Uint8Array(length);
      for (let seen = 0; seen < length;) {
        const { bytesRead } = await handle.read(bytes, seen, length - seen, offset + seen);
        if (bytesRead === 0)
          throw new AppError('storage/unavailable', `Reading "${name}" ended too early`);
        seen += bytesRead;
      }
      options.signal?.throwIfAborted();
      return bytes;
    } finally {
      await handle.close();
    }
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    checkName(name);
    return this.#stats.submit(name, { signal });
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    if (!canStartName(prefix)) return;
    const base = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const below = this.#program.address.prefix + base;
    const ended = await transferring(() =>
      this.#program.run(
        ['-r', '--list-only', '--no-human-readable', this.#program.address.base, '.'],
        { names: [`./${below}`], signal },
      ),
    );
    const entries = parseListing(ended.output);
    const isThere = entries.some(({ name = '' }) => `${name}/`.startsWith(below));
    if (ended.status !== 0 && ended.status !== vanished) {
      // A directory that is not there yet holds nothing; a file in its place is another matter.
      const isUnmade = isMissing(ended) && !isThere;
      if (isUnmade && (base !== '' || systemErrorIn(ended.lastWords) === '2')) return;
      throw listingFailure(ended, prefix);
    }
    if (base === '' && entries.some(({ name, type }) => `${name}/` === below && type === '-'))
      throw listingFailure(ended, prefix);
    for (const { name: listed, type, size, modified } of entries) {
      // The directories on the way are listed too.
      if (type !== '-' || listed === undefined || !listed.startsWith(below)) continue;
      const name = base + listed.slice(below.length);
      if (this.#preparation.isUnfinished({ name, modified })) continue;
      if (!name.startsWith(prefix) || !canStartName(name)) continue;
      yield { name, size, modified };
      signal?.throwIfAborted();
    }
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    checkName(name);
    await this.#deletions.submit(name, { signal });
  }

  async removeMade({ signal }: CallOptions = {}): Promise<void> {
    await this.#preparation.removeMade({ signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }

  async #open(
    name: string,
    { signal, range }: GetOptions,
  ): Promise<{ readonly handle: FileHandle; readonly offset: number; readonly length: number }> {
    signal?.throwIfAborted();
    checkName(name);
    const { handle, size } = await transferring(() => this.#fetches.submit(name, { signal }));
    try {
      signal?.throwIfAborted();
      return { handle, ...resolveRange(name, size, range) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #putAll(
    calls: readonly PutCall[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly Outcome<void>[]> {
    const { base, prefix } = this.#program.address;
    const above = calls.map(({ name }) => directoriesAbove(prefix + name));
    const files = await this.#preparation.filesAmong(new Set(above.flat()), { signal });
    const blocked = above.map((directories) => directories.find((each) => files.has(each)));
    const root = directoriesAbove(`${prefix}x`).find((directory) => files.has(directory));
    if (root !== undefined) throw inTheWay(root);
    await this.#preparation.ready({ signal });
    const tree = await this.#spool.directory();
    try {
      const placed: boolean[] = [];
      for (const [index, { file, name }] of calls.entries()) {
        const isClear = blocked[index] === undefined;
        placed.push(isClear && (await this.#spool.place(file, tree, prefix + name)));
      }
      const verdict = (index: number): Outcome<void> | undefined => {
        const file = blocked[index];
        if (file !== undefined) return { error: inTheWay(file) };
        return placed[index] === true ? undefined : 'again';
      };
      if (!placed.includes(true)) return calls.map((_, index) => verdict(index) ?? 'again');
      const ifAbsent = calls[0]?.ifAbsent === true;
      const ended = await this.#program.run(
        [
          '-r',
          // Sizes and times say nothing here: everything is sent.
          '--ignore-times',
          '--whole-file',
          ...(ifAbsent ? ['--ignore-existing'] : []),
          ...this.#preparation.switches,
          `--temp-dir=${prefix}${unfinished}`,
          '--out-format=%i %n',
          `${tree}/`,
          base,
        ],
        { signal },
      );
      if (ended.status === 0) {
        const sent = namesOf(ended, ({ transferred }) => transferred);
        this.#preparation.markMade(above.filter((_, index) => placed[index] === true).flat());
        return calls.map(({ name }, index) => {
          const other = verdict(index);
          if (other !== undefined) return other;
          if (sent.has(prefix + name)) return { result: undefined };
          return { error: ifAbsent ? alreadyThere(name) : notSent(name) };
        });
      }
      // The directory may have been removed since it was made.
      if (isMissing(ended) || /temp-dir does not exist/u.test(ended.lastWords))
        this.#preparation.forget();
      if (calls.length > 1 && isAboutFiles(ended)) return calls.map(() => 'alone');
      const failure = translateFailure(ended, `store ${describe(calls.map(({ name }) => name))}`);
      throw failure.code === 'storage/not-found' ? mayPass(failure) : failure;
    } finally {
      await this.#spool.remove(tree);
    }
  }

  async #fetchAll(
    names: readonly string[],
    { signal, alone }: { readonly signal: AbortSignal; readonly alone: boolean },
  ): Promise<readonly Outcome<OpenFile>[]> {
    // What is asked for alone was doubtful before: then nothing that is there already counts.
    const into = alone ? await this.#spool.directory() : await this.#spool.objects();
    const { base, prefix } = this.#program.address;
    try {
      const ended = await whileGrowing(
        {
          action: `read ${describe(names)}`,
          directories: new Set(names.map((name) => path.dirname(path.join(into, prefix, name)))),
          silence: watchOfCall().silence,
          clock: this.#clock,
          signal,
        },
        (options) =>
          this.#program.run(
            [
              '--times',
              '--modify-window=-1',
              '--whole-file',
              '-ii',
              '--out-format=%i %n',
              base,
              `${into}/`,
            ],
            { names: Array.from(new Set(names), (name) => prefix + name), ...options },
          ),
      );
      const isPartial = ended.status === partial || ended.status === vanished;
      if (ended.status !== 0 && (!isPartial || names.length === 1))
        throw fetchFailure(ended, names, this.location);
      const there = namesOf(ended, ({ isFile }) => isFile);
      const outcomes: Outcome<OpenFile>[] = [];
      try {
        for (const name of names) {
          if (!there.has(prefix + name)) {
            outcomes.push(names.length > 1 ? 'alone' : { error: notFound(name, this.location) });
          } else if (ended.status === 0) {
            outcomes.push(await this.#opened(path.join(into, prefix, name), { keep: !alone }));
          } else outcomes.push('again');
        }
      } catch (error) {
        for (const outcome of outcomes)
          if (typeof outcome !== 'string' && 'result' in outcome)
            await outcome.result.handle.close();
        throw error;
      }
      return outcomes;
    } finally {
      if (alone) await this.#spool.remove(into);
    }
  }

  async #opened(file: string, { keep }: { readonly keep: boolean }): Promise<Outcome<OpenFile>> {
    const opened = await this.#spool.open(file);
    if (opened === undefined) return 'alone';
    if (keep) await this.#spool.keep(file, opened.size);
    return { result: opened };
  }

  async #statAll(
    names: readonly string[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly Outcome<StorageObject>[]> {
    const { base, prefix } = this.#program.address;
    const ended = await this.#program.run(['--list-only', '--no-human-readable', base, '.'], {
      names: Array.from(new Set(names), (name) => prefix + name),
      signal,
    });
    const isPartial = ended.status === partial || ended.status === vanished;
    if (ended.status !== 0 && (!isPartial || (names.length === 1 && ended.output.length === 0)))
      throw fetchFailure(ended, names, this.location);
    const found = new Map(
      parseListing(ended.output)
        .filter(({ type }) => type === '-')
        .map((entry) => [entry.name, entry]),
    );
    return names.map((name) => {
      const entry = found.get(prefix + name);
      if (entry !== undefined)
        return { result: { name, size: entry.size, modified: entry.modified } };
      if (names.length > 1 && ended.status !== 0) return 'alone';
      if (ended.status === 0) return { error: notFound(name, this.location) };
      return { error: fetchFailure(ended, [name], this.location) };
    });
  }

  async #deleteAll(
    names: readonly string[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly Outcome<void>[]> {
    const { base, prefix } = this.#program.address;
    const nothing = await this.#spool.directory();
    try {
      const ended = await this.#program.run(['--delete-missing-args', `${nothing}/`, base], {
        // Without the dot a name that begins with "#" would be a comment.
        names: Array.from(new Set(names), (name) => `./${prefix}${name}`),
        signal,
      });
      if (ended.status === 0 || ended.status === vanished)
        return names.map(() => ({ result: undefined }));
      if (names.length > 1 && isAboutFiles(ended)) return names.map(() => 'alone');
      throw translateFailure(ended, `delete ${describe(names)}`);
    } finally {
      await this.#spool.remove(nothing);
    }
  }
}

/** Whether anything moves while rsync works is seen to by itself and by `whileGrowing`; nothing comes out of it before the end. */
function transferring<Result>(work: () => Promise<Result>): Promise<Result> {
  return watchOfCall().waits(work);
}

function checkName(name: string): void {
  checkObjectName(name);
  checkNotReserved(name);
}

function namesOf(
  { output }: RsyncResult,
  wanted: (entry: ReturnType<typeof parseItemized>[number]) => boolean,
): ReadonlySet<string | undefined> {
  return new Set(
    parseItemized(output)
      .filter(wanted)
      .map(({ name }) => name),
  );
}

/** Whether a failure is that of single files, and the others may have been done. */
function isAboutFiles({ status }: RsyncResult): boolean {
  return status === partial || status === vanished || status === 11 || status === 3;
}

function isMissing({ status, lastWords }: RsyncResult): boolean {
  return (
    (status === partial || status === 3 || status === 11) &&
    ['2', '20'].includes(systemErrorIn(lastWords) ?? '')
  );
}

function listingFailure(ended: RsyncResult, prefix: string): AppError {
  const failure = translateFailure(ended, `list "${prefix}"`);
  if (ended.status !== 0 && systemErrorIn(ended.lastWords) !== '20') {
    return hasCode(failure, 'storage/not-found') ? mayPass(failure) : failure;
  }
  return new AppError(
    'storage/access-denied',
    `Cannot list "${prefix}": the path is a file, and no directory`,
    { cause: failure, hint: 'Choose another path' },
  );
}

/** Fetching writes here, so a lack of space is ours. */
function fetchFailure(ended: RsyncResult, names: readonly string[], location: string): AppError {
  const failure = translateFailure(ended, `read ${describe(names)} in "${location}"`);
  if (!hasCode(failure, 'storage/out-of-space')) return failure;
  return new AppError('local/unwritable', `No space is left in the spool for ${describe(names)}`, {
    cause: failure,
    hint: 'Name another directory with the option "spool-directory", or with TMPDIR',
  });
}

function mayPass(failure: AppError): AppError {
  return new AppError('storage/unavailable', failure.message, { cause: failure });
}

function notFound(name: string, location: string): AppError {
  return new AppError('storage/not-found', `No object "${name}" in "${location}"`);
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}

function notSent(name: string): AppError {
  return new AppError('storage/unavailable', `Cannot store "${name}": rsync did not send it`);
}

function describe(names: readonly string[]): string {
  const [first = ''] = names;
  return names.length === 1 ? `"${first}"` : `"${first}" and ${names.length - 1} others`;
}
