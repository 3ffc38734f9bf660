import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import type { B2Account } from './b2-account.ts';

/** An upload of which nothing has come to an end for so long is taken for abandoned: two days, in milliseconds. */
const abandonedAfter = 2 * 24 * 60 * 60_000;

/** Cancels large files below `root` that nobody finishes any more: their parts cost money and are shown to nobody. */
export async function cancelAbandonedUploads(
  account: B2Account,
  bucketId: string,
  root: string,
  clock: Clock,
  options: CallOptions,
): Promise<void> {
  const action = 'cancel abandoned uploads';
  let next: string | undefined;
  do {
    const page = await account.call(
      'b2_list_unfinished_large_files',
      {
        bucketId,
        maxFileCount: 100,
        ...(root !== '' && { namePrefix: root }),
        ...(next !== undefined && { startFileId: next }),
      },
      action,
      options,
    );
    for (const file of page?.objects('files') ?? []) {
      if (file.number('uploadTimestamp') > clock.now() - abandonedAfter) continue;
      await account.call('b2_cancel_large_file', { fileId: file.text('fileId') }, action, options);
    }
    next = page?.optionalText('nextFileId');
  } while (next !== undefined);
}
