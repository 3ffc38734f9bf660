import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { ownDuplicity, realDuplicity } from '#test/compat/duplicity-programs.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';

/** Selecting options, `S` being the source. */
const lines: readonly (readonly string[])[] = [
  ['--include', 'S/sub/**.py', '--exclude', '**'],
  ['--include', 'S/**/Deep/*', '--exclude', '**'],
  ['--include', 'S/sub/', '--exclude', '**'],
  ['--include', 'S/a.txt/', '--exclude', '**'],
  ['--exclude', 'S/sub/Deep', '--include', 'S/sub', '--exclude', '**'],
  ['--include', 'S/other/[!a]', '--exclude', '**'],
  ['--exclude', 'S/sub', '--include', 'S/sub/Deep', '--exclude', 'S/other'],
  ['--include-regexp', String.raw`y\.PY$`, '--exclude', '**'],
  ['--include-filelist', 'LIST'],
  ['--include', 'S/sub', '--exclude-if-present', 'q', '--exclude', 'S/other'],
  ['--exclude', '**/[d-z]*', '--exclude-older-than', '2001-01-01'],
  ['--include', 'S/*/Deep', '--include', '**/q', '--exclude', 'S'],
  ['--exclude', 'ignorecase:**/DEEP', '--exclude-regexp', '(?i)A\\.TXT'],
  ['--include', 'S/s?b/x', '--exclude', 'S/s*'],
];

describe('selection', { skip: missingPrograms(['duplicity', '/usr/bin/python3']) }, () => {
  test('stores what the original stores', async () => {
    await using real = realDuplicity();
    await using own = ownDuplicity();
    using scratch = scratchDirectory();
    const source = scratch.of('s');
    mkdirSync(`${source}/sub/Deep`, { recursive: true });
    mkdirSync(`${source}/other`);
    mkdirSync(`${source}/we ird`);
    for (const file of ['a.txt', 'other/z', 'sub/x.py', 'sub/Deep/y.PY', 'we ird/q'])
      writeFileSync(`${source}/${file}`, file);
    writeFileSync(
      scratch.of('list'),
      `# comment\n\n"${source}/we ird"\n  + ${source}/other  \n- **\n`,
    );
    for (const line of lines) {
      const [expected, stored] = await Promise.all(
        [real, own].map(async (program) => {
          const { status, output, errors } = await program.run(
            [
              ...line.map((word) =>
                word.replace(/^S\b|(?<=ignorecase:)S/u, source).replace('LIST', scratch.of('list')),
              ),
              '--dry-run',
              '-v5',
              '--no-encryption',
              `--archive-dir=${scratch.of(program.name)}`,
              'full',
              source,
              `file://${scratch.of(`to-${program.name}`)}`,
            ],
            { HOME: scratch.path },
          );
          assert.equal(status, 0, errors);
          return output.split('\n').filter((said) => said.startsWith('A '));
        }),
      );
      assert.deepEqual(stored, expected, line.join(' '));
    }
  });
});
