import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pattern } from '../../../../test/support/storage-samples.ts';
import { Semaphore } from '../../../base/semaphore.ts';
import { LargeObjects, type SegmentStore } from './large-objects.ts';

const day = 24 * 60 * 60_000;

/** Segments in memory, each stored one millisecond after the one before. */
function segmentsInMemory(manifests: ReadonlyMap<string, string>): {
  readonly segments: Map<string, number>;
  readonly store: SegmentStore;
} {
  const segments = new Map<string, number>();
  return {
    segments,
    store: {
      pathOf: (name) => `/c/${name}`,
      async putSegment(name) {
        segments.set(name, segments.size);
        return 'etag';
      },
      async *listSegments(prefix) {
        for (const [name, modified] of segments) {
          if (name.startsWith(prefix)) yield { name, key: name, size: 1, modified };
        }
      },
      async deleteSegment(name) {
        segments.delete(name);
      },
      uploadOf: async (name) => manifests.get(name),
    },
  };
}

const settings = { segmentSize: 10, concurrency: 2, memory: new Semaphore(2) };

test('the manifest names the segments in their order, of which there are a thousand at most', async () => {
  const { store } = segmentsInMemory(new Map());
  const large = new LargeObjects(store, settings);
  const { json, upload } = await large.putSegments('a/b', pattern(20_500), {});
  const manifest = JSON.parse(json) as readonly {
    readonly path: string;
    readonly size_bytes: number;
  }[];
  assert.equal(manifest.length, Math.ceil(20_500 / 21));
  assert.equal(manifest[0]?.path, `/c/.holdfast-segments/a/b/${upload}/00000`);
  assert.deepEqual(
    manifest.map(({ path }) => path),
    manifest.map(({ path }) => path).toSorted(),
  );
  assert.equal(
    manifest.reduce((sum, segment) => sum + segment.size_bytes, 0),
    20_500,
  );
});

test('what broken uploads have left is removed after a day, and nothing else', async () => {
  const manifests = new Map<string, string>();
  const { store, segments } = segmentsInMemory(manifests);
  const large = new LargeObjects(store, settings);
  const { upload } = await large.putSegments('kept', pattern(25), {});
  manifests.set('kept', upload);
  const replaced = await large.putSegments('kept', pattern(25), {});
  await large.putSegments('never/finished', pattern(25), {});
  segments.set('.holdfast-segments/of somebody else', 0);
  await large.removeLeftovers(day, {});
  assert.equal(segments.size, 10, 'nothing is old enough');
  const later = new LargeObjects(store, settings);
  await later.removeLeftovers(day + 1000, {});
  assert.deepEqual([...segments.keys()].toSorted(), [
    ...[0, 1, 2].map((index) => `.holdfast-segments/kept/${upload}/0000${index}`),
    '.holdfast-segments/of somebody else',
  ]);
  assert.notEqual(replaced.upload, upload);
});
