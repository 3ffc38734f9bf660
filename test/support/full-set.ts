import { blockLengthFor } from '../../src/codec/rsync/signature.ts';
import type { SetInput } from '../../src/repository/duplicity/writer/write-set.ts';

/** A full set of an archive of duplicity's, as tests write it: all but what is in it and who is told of it. */
export const fullSet: Omit<SetInput, 'items' | 'onProblem' | 'onVolume'> = {
  identity: { set: 'full', start: undefined, end: 1_700_000_000 },
  hostname: 'host',
  sourcePath: Buffer.from('/source'),
  state: undefined,
  isUnreadable: () => false,
  volumeSize: 1024 * 1024,
  concurrency: 2,
  verify: true,
  numericOwner: false,
  skipIfNoChange: false,
  dryRun: false,
  listFiles: true,
  extensions: true,
  blockLength: (size) => blockLengthFor(size),
  onItem: () => undefined,
  resumed: undefined,
};
