import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { streamOf } from '../../byte-stream.ts';
import type { ByteSource } from '../../storage.ts';

const pieceSize = 1024 ** 2;

/** What was written to a file. */
export interface WrittenFile {
  /** Bytes. */
  readonly size: number;
  /** In hexadecimal. */
  readonly md5: string;
}

/** A directory for the files of one call, which nobody else may read; disposing of it removes it with everything. */
export class Scratch implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Rejects with `local/unwritable`. */
  static async make(parent: string = os.tmpdir()): Promise<Scratch> {
    return new Scratch(await local(parent, () => mkdtemp(path.join(parent, 'holdfast-par2-'))));
  }

  pathOf(file: string): string {
    return path.join(this.directory, file);
  }

  /** Writes what comes to a file that does not exist yet. Rejects with what `pieces` throws, or `local/unwritable`. */
  async write(
    file: string,
    pieces: AsyncIterable<Uint8Array>,
    { signal }: CallOptions,
  ): Promise<WrittenFile> {
    const hash = createHash('md5');
    let size = 0;
    const handle = await local(this.directory, () => open(this.pathOf(file), 'wx', 0o600));
    try {
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        hash.update(piece);
        size += piece.byteLength;
        await local(this.directory, () => handle.writeFile(piece));
      }
    } finally {
      await handle.close();
    }
    return { size, md5: hash.digest('hex') };
  }

  /** Size and checksum of a file as it is now. */
  async measure(file: string, { signal }: CallOptions): Promise<WrittenFile> {
    const hash = createHash('md5');
    let size = 0;
    await using handle = await open(this.pathOf(file), 'r');
    for await (const piece of handle.createReadStream({ highWaterMark: pieceSize })) {
      signal?.throwIfAborted();
      hash.update(piece as Buffer);
      size += (piece as Buffer).byteLength;
    }
    return { size, md5: hash.digest('hex') };
  }

  /** A whole file, in memory. */
  async read(file: string, { signal }: CallOptions): Promise<Uint8Array> {
    return new Uint8Array(await readFile(this.pathOf(file), { signal }));
  }

  async remove(file: string): Promise<void> {
    await rm(this.pathOf(file), { force: true });
  }

  /** The content of a file, as often as wanted while this directory is there. */
  source(file: string, size: number): ByteSource {
    return { size, stream: () => this.stream(file, {}) };
  }

  /** The content of a file once; `close` is called at the end of it, also of a stream that is cancelled. */
  stream(
    file: string,
    { signal, close }: CallOptions & { readonly close?: () => Promise<void> },
  ): ReadableStream<Uint8Array> {
    const opened = open(this.pathOf(file), 'r');
    // Whoever reads is told.
    opened.catch(() => undefined);
    return streamOf(
      {
        async next() {
          const bytes = new Uint8Array(pieceSize);
          const { bytesRead } = await (await opened).read(bytes, 0, pieceSize);
          return bytesRead === 0 ? undefined : bytes.subarray(0, bytesRead);
        },
        async close() {
          try {
            await (await opened).close();
          } finally {
            await close?.();
          }
        },
      },
      { signal },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Errors of the system in our own directory: they are not the storage's. */
async function local<Result>(directory: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    throw new AppError(
      'local/unwritable',
      `Cannot write temporary files in "${directory}": ${fileReason(error)}`,
      {
        cause: error,
        hint: 'Free space there, or choose another directory with "par2-temporary-directory"',
      },
    );
  }
}
