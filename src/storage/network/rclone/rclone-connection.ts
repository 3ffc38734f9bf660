import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { untilAborted } from '../../../base/until-aborted.ts';
import { type RcloneSettings, RcloneProcess, servedRemote } from './rclone-process.ts';

/** What rclone says of a remote. */
export interface RemoteFacts {
  /** It can give an object another name on the server. */
  readonly canMove: boolean;
  /** It has buckets, which know no directories. */
  readonly isBucketBased: boolean;
  /** Whether half an upload can be seen under its name; older versions of rclone do not know. */
  readonly showsPartialUploads: boolean | undefined;
  /** What it calls itself: `sftp://…`, `S3 bucket …`. */
  readonly description: string;
}

/** An rclone that is running whenever it is asked for: one that has ended is followed by another. */
export class RcloneConnection implements AsyncDisposable {
  readonly #settings: RcloneSettings;
  #running: Promise<RcloneProcess> | undefined;
  #closed = false;

  constructor(settings: RcloneSettings) {
    this.#settings = settings;
  }

  /** The running process. Rejects with `storage/unavailable` or `process/failed` when there can be none. */
  async process({ signal }: CallOptions = {}): Promise<RcloneProcess> {
    signal?.throwIfAborted();
    if (this.#closed) throw new AppError('internal', 'The storage is closed');
    const current = (this.#running ??= this.#start());
    const running = await untilAborted(current, signal);
    if (running.isAlive) return running;
    if (this.#running === current) this.#running = undefined;
    return await this.process({ signal });
  }

  async facts({ signal }: CallOptions = {}): Promise<RemoteFacts> {
    const rclone = await this.process({ signal });
    const answer = await rclone.call(
      'operations/fsinfo',
      { fs: servedRemote },
      { action: 'open the remote', signal },
    );
    const features = (answer['Features'] ?? {}) as Readonly<Record<string, unknown>>;
    const partial = features['PartialUploads'];
    return {
      canMove: features['Move'] === true,
      isBucketBased: features['BucketBased'] === true,
      showsPartialUploads: typeof partial === 'boolean' ? partial : undefined,
      description: typeof answer['String'] === 'string' ? answer['String'] : '',
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const running = this.#running;
    this.#running = undefined;
    // One that could not be started has nothing to end.
    const rclone = await running?.catch(() => undefined);
    await rclone?.[Symbol.asyncDispose]();
  }

  /** Started for whoever asks, so the signal of one of them must not end it. */
  #start(): Promise<RcloneProcess> {
    const starting = RcloneProcess.start(this.#settings);
    const forget = (): void => {
      if (this.#running === starting) this.#running = undefined;
    };
    starting.then((rclone) => {
      rclone.session.once('close', () => {
        forget();
        void rclone[Symbol.asyncDispose]();
      });
    }, forget);
    return starting;
  }
}
