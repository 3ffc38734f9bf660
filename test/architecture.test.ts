import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';

import {
  importCycles,
  islandViolations,
  layerViolations,
  missingImports,
  packagesOf,
  privilegeViolations,
} from './architecture/rules.ts';
import { importGraph, readSources } from './architecture/source-graph.ts';

describe('architecture', async () => {
  const texts = await readSources(path.resolve(import.meta.dirname, '../src'));
  const graph = importGraph(texts);

  test('the sources are read', () => {
    assert.ok(graph.size > 100);
    assert.ok(graph.get('main.ts')?.includes('cli/run.ts'), 'imports at run time');
    assert.ok(
      graph
        .get('repository/native/worker/store-workers.ts')
        ?.includes('repository/native/worker/store-worker.ts'),
      'workers',
    );
    assert.deepEqual(missingImports(graph), []);
  });

  test('imports point downwards', () => {
    assert.deepEqual(layerViolations(graph), []);
  });

  test('drivers and formats do not know each other, and drivers are reached through their registry', () => {
    assert.deepEqual(islandViolations(graph), []);
  });

  test('there are no import cycles', () => {
    assert.deepEqual(importCycles(graph), []);
  });

  test('the commands are known without a package being loaded', () => {
    assert.deepEqual(packagesOf('cli/command-table.ts', graph, texts), []);
  });

  test('the outside world has one door for each of its things', () => {
    assert.deepEqual(privilegeViolations(texts), []);
  });
});

describe('the rules notice', () => {
  const graphOf = (files: Readonly<Record<string, string>>) =>
    importGraph(new Map(Object.entries(files)));

  for (const [what, text] of [
    ['an import', `import { x } from '../../engine/backup.ts';`],
    ['an import of a type', `import type { X } from "../../engine/backup.ts";`],
    ['a passing on', `export { x } from '../../engine/backup.ts';`],
    ['an import at run time', `await import('../../engine/backup.ts');`],
    ['an import for its effect', `import '../../engine/backup.ts';`],
    ['a worker', `new Worker(new URL('../../engine/backup.ts', import.meta.url));`],
    [
      'a chosen worker',
      `const file = isSource ? '../../engine/backup.ts' : '../../engine/backup.js';`,
    ],
    ['a module by its place', "moduleFile('engine/backup');"],
  ] as const) {
    test(`${what} that points upwards`, () => {
      const graph = graphOf({ 'repository/native/a.ts': text });
      assert.deepEqual(layerViolations(graph), ['repository/native/a.ts imports engine/backup.ts']);
    });
  }

  test('a folder that has no layer', () => {
    const graph = graphOf({
      'base/a.ts': `import '../news/b.ts';`,
      'news/b.ts': `import '../base/a.ts';`,
    });
    assert.equal(layerViolations(graph).length, 2);
  });

  test('siblings that know each other', () => {
    const graph = graphOf({
      'repository/native/a.ts': `import '../other/b.ts';`,
      'storage/drivers/file/a.ts': `import '../memory/b.ts';`,
    });
    assert.equal(islandViolations(graph).length, 2);
  });

  test('a driver that is loaded past the registry', () => {
    const text = `import './drivers/file/file.ts';`;
    assert.equal(islandViolations(graphOf({ 'storage/open.ts': text })).length, 1);
    assert.equal(islandViolations(graphOf({ 'storage/registry.ts': text })).length, 0);
  });

  test('a cycle of types', () => {
    const graph = graphOf({
      'base/a.ts': `import type { B } from './b.ts';`,
      'base/b.ts': `import type { C } from './c.ts';`,
      'base/c.ts': `import type { A } from './a.ts';`,
    });
    assert.deepEqual(importCycles(graph), ['base/a.ts → base/b.ts → base/c.ts → base/a.ts']);
  });

  test('an import of what is not there', () => {
    assert.equal(missingImports(graphOf({ 'base/a.ts': `import './gone.ts';` })).length, 1);
  });

  test('a package that is loaded, also by what is imported', () => {
    const texts = new Map([
      ['cli/a.ts', `import type { X } from 'types';\nimport { b } from './b.ts';`],
      ['cli/b.ts', `import path from 'node:path';\nimport {\n  parse,\n} from 'yaml';`],
    ]);
    assert.deepEqual(packagesOf('cli/a.ts', importGraph(texts), texts), ['cli/b.ts loads yaml']);
  });

  for (const text of [
    'const home = process.env.HOME;',
    'process.exit(1);',
    'process.stdout.write(text);',
    'console.log(text);',
    'const now = Date.now();',
    'const now = new Date();',
    'const chance = Math.random();',
    `import { randomBytes } from 'node:crypto';`,
    `import { spawn } from 'node:child_process';`,
    'await mkdir(directory, { mode: 0o700, recursive: true });',
  ]) {
    test(text, () => {
      const found = privilegeViolations(new Map([['engine/a.ts', text]]));
      assert.equal(found.length, 1, String(found));
    });
  }

  test('nothing in a comment, nothing wrong with a date', () => {
    const text = `// process.exit\n/** Date.now() */ const url = 'file://x'; new Date(time);`;
    assert.deepEqual(privilegeViolations(new Map([['engine/a.ts', text]])), []);
  });
});
