import type { ThreadFailure } from '../../base/thread-failure.ts';
import type { FileAnswer, WholeFiles } from './file-sink.ts';
import type { FileRestorerOptions } from './file-restorer.ts';

/** What a thread that writes files is told, and what it answers. */

export interface FileThreadSetup {
  readonly options: FileRestorerOptions;
  /** In shared memory: not 0 once nothing more is to be written. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

export type ToFileThread = { readonly files: WholeFiles } | { readonly close: true };

export type FromFileThread =
  /** The end of a task; they come in the order of the tasks. */
  | {
      readonly answer: FileAnswer;
      /** The memory that came with the task. */
      readonly content: Uint8Array<ArrayBuffer>;
    }
  /** Nothing more can be written. */
  | { readonly failure: ThreadFailure };
