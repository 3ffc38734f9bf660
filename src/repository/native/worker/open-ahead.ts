import type { ContentModule, OpenContent } from './content-module.ts';
import type { FileRequest } from './messages.ts';

/** Files that are open besides the one that is stored. */
const ahead = 16;

/** A file to store, opened already: `open` gives it once, or throws why it could not be opened. Whoever takes it closes it. */
export interface OpenedFile {
  readonly request: FileRequest;
  open(): OpenContent;
}

/**
 * Opens files a little before they are stored, and has the system fetch them: a disk that is asked for one file at a time is idle most of the time, and so is who
 * waits for it. What was opened and not taken is closed in the end.
 */
export function* openAhead(
  content: ContentModule,
  requests: Iterable<FileRequest>,
): Generator<OpenedFile, void, void> {
  const waiting: WaitingFile[] = [];
  try {
    for (const request of requests) {
      waiting.push(new WaitingFile(content, request));
      if (waiting.length > ahead) yield* first(waiting);
    }
    while (waiting.length > 0) yield* first(waiting);
  } finally {
    for (const file of waiting) file.close();
  }
}

function* first(waiting: WaitingFile[]): Generator<OpenedFile, void, void> {
  const file = waiting.shift()!;
  try {
    yield file;
  } finally {
    file.close();
  }
}

class WaitingFile implements OpenedFile {
  readonly request: FileRequest;
  #file: OpenContent | undefined;
  #problem: unknown;

  constructor(content: ContentModule, request: FileRequest) {
    this.request = request;
    try {
      this.#file = content.openForBackup(request.path, request.expected, request.displayPath);
      this.#file.fetch();
    } catch (error) {
      this.#problem = error;
    }
  }

  open(): OpenContent {
    const file = this.#file;
    if (file === undefined) throw this.#problem;
    this.#file = undefined;
    return file;
  }

  /** Closes it, if nobody has taken it. */
  close(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}
