import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../../base/errors.ts';
import type { ContentModule, OpenContent } from './content-module.ts';
import type { FileRequest } from './messages.ts';
import { openAhead } from './open-ahead.ts';

/** Files named by numbers; the odd hundreds cannot be opened. Says what was done with which. */
function stage(mostOpen = Infinity) {
  const log: string[] = [];
  let open = 0;
  let most = 0;
  const content: ContentModule = {
    openForBackup(path) {
      const name = Buffer.from(path).toString();
      if (name.startsWith('1')) throw new AppError('source/unreadable', `Cannot read ${name}`);
      if (open >= mostOpen) throw new AppError('source/unreadable', 'Too many open files');
      log.push(`open ${name}`);
      open++;
      most = Math.max(most, open);
      let isOpen = true;
      return {
        size: Number(name),
        fetch: () => void log.push(`fetch ${name}`),
        readInto: () => 0,
        extents: () => [],
        isUnchanged: () => true,
        [Symbol.dispose]() {
          assert.ok(isOpen, `${name} is closed twice`);
          isOpen = false;
          open--;
          log.push(`close ${name}`);
        },
      } satisfies OpenContent;
    },
  };
  const requests = (...names: number[]): FileRequest[] =>
    names.map((name) => {
      const path = Buffer.from(String(name));
      return { path, displayPath: path, expected: { inode: 1n, device: 1, uid: 0, size: name } };
    });
  return { content, requests, log, counts: () => ({ open, most }) };
}

describe('openAhead()', () => {
  test('gives files in their order, fetched long before, a bounded number at once', () => {
    const { content, requests, log, counts } = stage();
    const names = Array.from({ length: 100 }, (_, at) => 200 + at);
    const seen: number[] = [];
    for (const file of openAhead(content, requests(...names))) {
      using opened = file.open();
      log.push(`take ${opened.size}`);
      seen.push(opened.size);
    }
    assert.deepEqual(seen, names);
    assert.ok(log.indexOf('fetch 210') < log.indexOf('take 200'));
    assert.ok(log.indexOf('open 299') > log.indexOf('take 250'));
    assert.equal(counts().open, 0);
    assert.ok(counts().most <= 18, `${counts().most} were open at once`);
  });

  test('tells what cannot be opened in its turn, and goes on', () => {
    const { content, requests } = stage();
    const told: string[] = [];
    for (const file of openAhead(content, requests(201, 102, 203))) {
      try {
        using opened = file.open();
        told.push(String(opened.size));
      } catch (error) {
        told.push((error as Error).message);
      }
    }
    assert.deepEqual(told, ['201', 'Cannot read 102', '203']);
  });

  test('a process that may have few files open gets all of them', () => {
    for (const most of [1, 2, 5, 16]) {
      const { content, requests, counts } = stage(most);
      const names = Array.from({ length: 60 }, (_, at) => 200 + at);
      const seen: number[] = [];
      for (const file of openAhead(content, requests(...names))) {
        using opened = file.open();
        seen.push(opened.size);
      }
      assert.deepEqual(seen, names);
      assert.equal(counts().open, 0);
    }
  });

  test('can be opened again, when it changed while it was read', () => {
    const { content, requests, counts } = stage();
    for (const file of openAhead(content, requests(201, 202))) {
      for (let attempt = 1; attempt <= 2; attempt++) {
        using opened = file.open();
        assert.equal(counts().open, file.request.expected.size === 201 ? 2 : 1);
        assert.equal(opened.size, file.request.expected.size);
      }
    }
    assert.equal(counts().open, 0);
  });

  test('what nobody has taken is closed', () => {
    const { content, requests, counts } = stage();
    let steps = 0;
    for (const _ of openAhead(content, requests(201, 202, 203, 204))) {
      steps++;
      if (steps === 2) break;
    }
    assert.equal(counts().open, 0);
  });

  test('no files are no files', () => {
    const { content } = stage();
    assert.deepEqual([...openAhead(content, [])], []);
  });
});
