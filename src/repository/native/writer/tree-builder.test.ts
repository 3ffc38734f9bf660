import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainEntry } from '#test/support/sample-entry.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';

import type { SourceEntry } from '../../../model/entry.ts';
import type { FileOutcome } from '../worker/messages.ts';
import { WriteCounters } from './counters.ts';
import type { CachedDirectory, RememberedDirectory } from './remembered-directory.ts';
import { SourceCache } from './source-cache.ts';
import { TreeBuilder, type TreeBuilderParts } from './tree-builder.ts';

const none = new Uint8Array(0);

function entryOf(name: string, type: 'file' | 'directory'): SourceEntry {
  return {
    ...plainEntry,
    name: Buffer.from(name),
    type,
    size: type === 'file' ? 5 : 0,
    ctime: plainEntry.mtime,
    inode: 7n,
    device: 1,
    blocks: 8,
  };
}

/** What is remembered of a directory with one file that went so, and how often a tree was stored. */
async function written(
  state: FileOutcome['state'],
  {
    trustsCache = true,
    cached,
  }: { readonly trustsCache?: boolean; readonly cached?: RememberedDirectory } = {},
): Promise<{ readonly remembered: CachedDirectory | undefined; readonly trees: number }> {
  let remembered: CachedDirectory | undefined;
  let trees = 0;
  const stored = { reference: { depth: 0, list: none }, ids: none };
  const parts = {
    table: { use: () => undefined },
    meta: { storeTree: () => (trees++, stored), storeList: () => stored },
    pipeline: {
      store: async (_request: unknown, done: (outcome: FileOutcome) => void) =>
        done({ list: none, size: 5, state }),
    },
    cache: { set: (_path: unknown, directory: CachedDirectory) => void (remembered = directory) },
    counters: new WriteCounters(),
    quietSince: 2000,
    trustsCache,
    attributesOf: () => [],
    onProblem: () => undefined,
    onEntry: () => undefined,
    tellsAll: false,
  };
  const builder = new TreeBuilder(parts as unknown as TreeBuilderParts);
  builder.enter(Buffer.from('/source'), entryOf('', 'directory'), true, cached);
  const location = { prefix: Buffer.from('/source'), release: () => undefined };
  await builder.entries(location, [entryOf('file', 'file')]);
  builder.leave();
  return { remembered, trees };
}

test('a file that changed while it was read is not remembered as it was found', async () => {
  const statuses = [];
  for (const state of ['steady', 'moved', 'torn'] as const) {
    const { remembered } = await written(state);
    statuses.push(remembered?.children[0]?.status.length);
  }
  const [steady, ...others] = statuses;
  assert.ok(steady !== undefined && steady > 0);
  assert.deepEqual(others, [0, 0]);
});

test('a tree of which all is as it is remembered is stored anew where that is not trusted', async () => {
  using scratch = scratchDirectory();
  using cache = new SourceCache(scratch.of('cache.db'));
  const path = Buffer.from('/source');
  cache.set(path, (await written('steady')).remembered!);
  const cached = cache.get(path)!;
  assert.equal((await written('steady', { cached })).trees, 0);
  assert.equal((await written('steady', { cached, trustsCache: false })).trees, 1);
});
