import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { SharedResult } from '../../network/shared-result.ts';
import type { Authorization, B2Account } from './b2-account.ts';

export interface BucketSettings {
  readonly name: string;
  /** Empty, or ends with a slash. */
  readonly root: string;
  /** The type to make it with when it is missing: `allPrivate`; undefined: it is not made. */
  readonly createAs: string | undefined;
}

/** The bucket of a destination, as far as the key may use it. */
export class B2Bucket {
  readonly name: string;
  readonly #account: B2Account;
  readonly #settings: BucketSettings;
  readonly #id = new SharedResult(() => this.#find());
  readonly #made = new SharedResult(() => this.#create());

  constructor(account: B2Account, settings: BucketSettings) {
    this.#account = account;
    this.#settings = settings;
    this.name = settings.name;
  }

  /** Rejects with `storage/no-container` when it does not exist, `storage/access-denied` when the key is for another one. */
  async id(options: CallOptions = {}): Promise<string> {
    return await this.#id.get(options);
  }

  /** The same, after making it if that is wanted. */
  async idOrNew(options: CallOptions = {}): Promise<string> {
    try {
      return await this.id(options);
    } catch (error) {
      if (!this.isAwaited(error)) throw error;
    }
    return await this.#made.get(options);
  }

  /** Whether an error says that the bucket is missing which the first `put` is to make. */
  isAwaited(error: unknown): boolean {
    const { createAs } = this.#settings;
    return (
      createAs !== undefined && error instanceof AppError && error.code === 'storage/no-container'
    );
  }

  /** Throws `storage/access-denied` when the key lacks a capability. */
  async demand(capability: string, action: string, options: CallOptions): Promise<void> {
    if (await this.may(capability, options)) return;
    throw new AppError(
      'storage/access-denied',
      capability === 'writeFiles'
        ? `Cannot ${action}: the application key may only read`
        : `Cannot ${action}: the application key lacks the capability "${capability}"`,
      { hint: `Use a key that has the capability "${capability}" for the bucket "${this.name}"` },
    );
  }

  async may(capability: string, options: CallOptions): Promise<boolean> {
    return (await this.#account.authorization(options)).capabilities.has(capability);
  }

  async #find(): Promise<string> {
    const action = `use the bucket "${this.name}"`;
    const authorization = await this.#account.authorization();
    this.#checkPath(authorization);
    const { bucket, accountId } = authorization;
    if (bucket?.name === this.name) return bucket.id;
    if (bucket?.name !== undefined) {
      throw new AppError(
        'storage/access-denied',
        `Cannot ${action}: the application key is only for the bucket "${bucket.name}"`,
        { hint: 'Use a key for this bucket, or correct the URL' },
      );
    }
    if (bucket !== undefined) throw this.#missing('the bucket that the key is for is gone');
    const answer = await this.#account.call(
      'b2_list_buckets',
      { accountId, bucketName: this.name },
      action,
    );
    const found = answer?.objects('buckets').find((each) => each.text('bucketName') === this.name);
    if (found === undefined) throw this.#missing('it does not exist');
    return found.text('bucketId');
  }

  #checkPath({ namePrefix }: Authorization): void {
    if (this.#settings.root.startsWith(namePrefix)) return;
    throw new AppError(
      'storage/access-denied',
      `Cannot use the bucket "${this.name}": the application key is only for names that begin with "${namePrefix}"`,
      { hint: `Write b2://${this.name}/${namePrefix}` },
    );
  }

  #missing(reason: string): AppError {
    return new AppError('storage/no-container', `Cannot use the bucket "${this.name}": ${reason}`, {
      hint: 'Make it on the web site of Backblaze, or add the option "create-bucket"; names of buckets are exact',
    });
  }

  async #create(): Promise<string> {
    const { accountId } = await this.#account.authorization();
    const answer = await this.#account.call(
      'b2_create_bucket',
      { accountId, bucketName: this.name, bucketType: this.#settings.createAs },
      `make the bucket "${this.name}"`,
      // Another writer may have been quicker.
      { accepts: ['duplicate_bucket_name'] },
    );
    return answer === undefined ? await this.#find() : answer.text('bucketId');
  }
}
