import type { ContentModule, OpenContent } from './content-module.ts';
import type { FileRequest } from './messages.ts';

/** Files that are open besides the one that is stored. */
const ahead = 16;

/** A file to store, mostly open already. `open` throws an `AppError` `source/…` if it cannot be opened; whoever calls it closes what it gives. */
export interface OpenedFile {
  readonly request: FileRequest;
  open(): OpenContent;
}

/**
 * Opens files a little before they are stored, and has the system fetch them: a disk that is asked for one file at a time is idle most of the time, and so is who
 * waits for it. After one that cannot be opened, all others are opened at their turn, as is that one: the process may have had too many files open. What was opened and not taken
 * is closed in the end.
 */
export function* openAhead(
  content: ContentModule,
  requests: Iterable<FileRequest>,
): Generator<OpenedFile, void, void> {
  const waiting: WaitingFile[] = [];
  let isPossible = true;
  function* turn(): Generator<OpenedFile, void, void> {
    using file = waiting.shift()!;
    yield file;
  }
  try {
    for (const request of requests) {
      const file = new WaitingFile(content, request);
      waiting.push(file);
      isPossible &&= file.prepare();
      if (waiting.length > ahead) yield* turn();
    }
    while (waiting.length > 0) yield* turn();
  } finally {
    for (const file of waiting) file[Symbol.dispose]();
  }
}

class WaitingFile implements OpenedFile, Disposable {
  readonly request: FileRequest;
  readonly #content: ContentModule;
  #file: OpenContent | undefined;

  constructor(content: ContentModule, request: FileRequest) {
    this.#content = content;
    this.request = request;
  }

  /** Whether it could be opened. */
  prepare(): boolean {
    try {
      this.#file = this.#open();
    } catch {
      // Told at its turn, by `open`, if it is still so.
      return false;
    }
    this.#file.fetch();
    return true;
  }

  open(): OpenContent {
    const file = this.#file ?? this.#open();
    this.#file = undefined;
    return file;
  }

  /** Closes it, if nobody has taken it. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  #open(): OpenContent {
    const { path, expected, displayPath } = this.request;
    return this.#content.openForBackup(path, expected, displayPath);
  }
}
