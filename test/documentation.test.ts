import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { parseLine } from '../src/cli/parse.ts';
import { commandTable } from '../src/cli/command-table.ts';
import { referencePages } from '../tools/reference/pages.ts';
import { anchorsOf, holdfastCalls, linksOf, readPages, shellLines } from './documentation/pages.ts';

const root = path.resolve(import.meta.dirname, '..');

describe('the documentation', async () => {
  const pages = await readPages(root);

  for (const { file, text } of await referencePages()) {
    const name = path.basename(file.pathname);
    test(`${name} is current; else run "npm run reference"`, async () => {
      assert.equal(await readFile(file, 'utf8'), text);
    });
  }

  for (const { file, text } of pages) {
    test(`the links of ${file} lead somewhere`, async () => {
      for (const link of linksOf(text)) {
        if (/^[a-z]+:/u.test(link)) continue;
        const [place = '', anchor] = link.split('#');
        const target = place === '' ? file : path.join(path.dirname(file), place);
        assert.ok(existsSync(path.join(root, target)), `"${link}" leads nowhere`);
        if (anchor === undefined) continue;
        const anchors = anchorsOf(await readFile(path.join(root, target), 'utf8'));
        assert.ok(anchors.has(anchor), `"${link}" leads to no heading`);
      }
    });
    const lines = shellLines(text);
    if (lines.length === 0) continue;
    test(`the commands in ${file} exist`, () => {
      for (const line of lines) {
        for (const words of holdfastCalls(line)) {
          assert.doesNotThrow(() => parseLine(words, commandTable), line);
        }
      }
    });
  }

  test('the tests are run as the README says', async () => {
    const readme = pages.find(({ file }) => file === 'README.md');
    const command = (await readFile(path.join(root, '.ci/run'), 'utf8'))
      .trimEnd()
      .split('\n')
      .at(-1);
    const plain = command?.replaceAll(' </dev/null', '') ?? '';
    assert.match(plain, /^npm ci && npm /u);
    assert.ok(shellLines(readme?.text ?? '').includes(plain), `README.md does not say "${plain}"`);
  });
});

describe('the readers of pages', () => {
  test('find links outside of code', () => {
    assert.deepEqual(linksOf('[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n'), ['b.md']);
  });

  test('make anchors', () => {
    assert.deepEqual(
      anchorsOf('# One: two\n## holdfast key list\n'),
      new Set(['one-two', 'holdfast-key-list']),
    );
  });

  test('find calls in shell lines', () => {
    const [line = ''] = shellLines(
      '```sh\na && A=b bin/holdfast ls "x y" \\\n  | holdfast cat z # c\n```\n',
    );
    assert.deepEqual(holdfastCalls(line), [
      ['ls', 'x y'],
      ['cat', 'z'],
    ]);
  });
});
