import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainEntry } from '#test/support/sample-entry.ts';

import type { SourceEntry } from '../../../model/entry.ts';
import type { FileOutcome } from '../worker/messages.ts';
import { WriteCounters } from './counters.ts';
import type { CachedDirectory } from './remembered-directory.ts';
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

/** What is remembered of a directory with one file that went so. */
async function rememberedAfter(state: FileOutcome['state']): Promise<CachedDirectory | undefined> {
  let remembered: CachedDirectory | undefined;
  const stored = { reference: { depth: 0, list: none }, ids: none };
  const parts = {
    table: { use: () => undefined },
    meta: { storeTree: () => stored, storeList: () => stored },
    pipeline: {
      store: async (_request: unknown, done: (outcome: FileOutcome) => void) =>
        done({ list: none, size: 5, state }),
    },
    cache: { set: (_path: unknown, directory: CachedDirectory) => void (remembered = directory) },
    counters: new WriteCounters(),
    quietSince: 2000,
    trustsCache: true,
    attributesOf: () => [],
    onProblem: () => undefined,
    onEntry: () => undefined,
    tellsAll: false,
  };
  const builder = new TreeBuilder(parts as unknown as TreeBuilderParts);
  builder.enter(Buffer.from('/source'), entryOf('', 'directory'));
  const location = { prefix: Buffer.from('/source'), release: () => undefined };
  await builder.entries(location, [entryOf('file', 'file')]);
  builder.leave();
  return remembered;
}

test('a file that changed while it was read is not remembered as it was found', async () => {
  const statuses = [];
  for (const state of ['steady', 'moved', 'torn'] as const) {
    statuses.push((await rememberedAfter(state))?.children[0]?.status.length);
  }
  const [steady, ...others] = statuses;
  assert.ok(steady !== undefined && steady > 0);
  assert.deepEqual(others, [0, 0]);
});
