import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { SeededRandom } from '#test/support/seeded-random.ts';
import { thorough } from '#test/support/thorough.ts';
import { type DuplicityProgram, ownDuplicity, realDuplicity } from './duplicity-programs.ts';
import { ChangingTree, contentOf } from './duplicity-tree.ts';

const missing = missingPrograms(['duplicity', '/usr/bin/python3']);
const histories = thorough ? 200 : 60;
const begin = 1_700_000_000;

describe('random histories of duplicity and of ours', { skip: missing, concurrency: 2 }, () => {
  // Two at once: there are two cores at least, and each program waits for the other.
  for (const half of [0, 1]) {
    test(`each restores what both have written, part ${half + 1}`, async () => {
      await using real = realDuplicity();
      await using own = ownDuplicity();
      for (let seed = half; seed < histories; seed += 2) {
        try {
          await oneHistory(seed, [real, own]);
        } catch (cause) {
          throw new Error(`History ${seed} went wrong`, { cause });
        }
      }
    });
  }
});

async function oneHistory(
  seed: number,
  programs: readonly [DuplicityProgram, DuplicityProgram],
): Promise<void> {
  using scratch = scratchDirectory();
  const random = new SeededRandom(seed);
  const tree = new ChangingTree(scratch.of('tree'), random, begin);
  const archive = `file://${scratch.of('archive')}`;
  const environment = { HOME: scratch.path };
  const ran = async (program: DuplicityProgram, parameters: readonly string[]): Promise<string> => {
    // The archive directory is shared as well: it is a part of the format.
    const common = ['--no-encryption', '--name', 'history', '--archive-dir', scratch.of('cache')];
    const { status, output, errors } = await program.run([...parameters, ...common], environment);
    assert.equal(status, 0, `${program.name} ${parameters.join(' ')}\n${output}\n${errors}`);
    return output;
  };
  const states: { readonly time: number; readonly content: Record<string, string> }[] = [];
  const sets = 2 + random.below(3);
  for (let number = 0; number < sets; number++) {
    const time = number === 0 ? begin + 50 : tree.change();
    const program = programs[random.below(2)]!;
    await ran(program, ['--current-time', String(time), scratch.of('tree'), archive]);
    states.push({ time, content: contentOf(tree.root) });
  }
  const earlier = states[random.below(states.length - 1)]!;
  for (const [number, program] of programs.entries()) {
    for (const { time, content } of [states.at(-1)!, earlier]) {
      const target = scratch.of(`restored-${number}-${time}`);
      await ran(program, ['restore', '--time', String(time), archive, target]);
      assert.deepEqual(contentOf(target), content, `restored by ${program.name} at ${time}`);
    }
  }
}
