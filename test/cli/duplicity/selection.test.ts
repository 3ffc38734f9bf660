import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import {
  type DuplicityProgram,
  ownDuplicity,
  realDuplicity,
} from '#test/compat/duplicity-programs.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';
import { thorough } from '#test/support/thorough.ts';

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
      const words = line.map((word) =>
        word.replace(/^S\b|(?<=ignorecase:)S/u, source).replace('LIST', scratch.of('list')),
      );
      const [expected, stored] = await Promise.all(
        [real, own].map((program) => rehearse(program, words, source, scratch)),
      );
      assert.equal(expected?.status, 0, line.join(' '));
      assert.deepEqual(stored, expected, line.join(' '));
    }
  });

  const seed = Number(process.env['HOLDFAST_STRESS_SEED'] ?? Date.now() % 1_000_000);
  test(`stores what the original stores by patterns for directories (seed ${seed})`, async () => {
    await using real = realDuplicity();
    await using own = ownDuplicity();
    using scratch = scratchDirectory();
    const source = scratch.of('s');
    mkdirSync(`${source}/d/e`, { recursive: true });
    mkdirSync(`${source}/cache1`);
    for (const file of ['f', 'xcache', 'd/g.jpg', 'd/h.txt', 'd/e/k', 'cache1/c'])
      writeFileSync(`${source}/${file}`, file);
    const random = new SeededRandom(seed);
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
    const tried = [
      ['--exclude', '**/'],
      ['--include', '**/', '--exclude', '**'],
      ['--include', '**/', '--include', '**.jpg', '--exclude', '**'],
      ...Array.from({ length: thorough ? 200 : 40 }, () => {
        const selectors = Array.from({ length: 1 + random.below(3) }, () => {
          const parts = Array.from({ length: 1 + random.below(3) }, () => pick(globParts));
          const end = random.below(4) === 0 ? '' : '/';
          return [
            pick(['--include', '--exclude']),
            `${pick(['', source, source, '**'])}${pick(['/', ''])}${parts.join(pick(['/', '']))}${end}`,
          ];
        });
        return [...selectors.flat(), ...pick([[], ['--exclude', '**'], ['--exclude', '**/']])];
      }),
    ];
    for (const line of tried) {
      const [expected, stored] = await Promise.all(
        [real, own].map((program) => rehearse(program, line, source, scratch)),
      );
      assert.deepEqual(stored, expected, line.join(' '));
    }
  });
});

const globParts = ['**', '*', '?', 'd', 'e', 'f', 'k', '**cache**', '*cache*', '[c-g]', '[!d]', '*.jpg']; // prettier-ignore

/** What a program would store of a source, and how it ends. */
async function rehearse(
  program: DuplicityProgram,
  selectors: readonly string[],
  source: string,
  scratch: ScratchDirectory,
): Promise<{ readonly status: number; readonly stored: readonly string[] }> {
  const { status, output } = await program.run(
    [
      ...selectors,
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
  return { status, stored: output.split('\n').filter((said) => said.startsWith('A ')) };
}
