import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

import type { DuplicityProgram, ProgramRun } from '#test/compat/duplicity-programs.ts';
import type { ScratchDirectory } from '#test/support/scratch-directory.ts';

/** What a program says, without what may differ: where it works, when it ran, how well it compressed. */
function comparable(text: string, place: string): string {
  return text
    .replaceAll(place, '<place>')
    .replaceAll(/^((?:\. )?(?:StartTime|EndTime|ElapsedTime)) .*$/gmu, '$1')
    .replaceAll(/^((?:\. )?TotalDestinationSizeChange) .*$/gmu, '$1')
    .replaceAll(/b'(New|Changed|Deleted)'/gu, (_, word: string) => word.padStart(word.length + 3));
}

/** Runs command lines with both programs, each in its own place, and compares. */
export class Both {
  readonly #programs: readonly DuplicityProgram[];
  readonly #scratch: ScratchDirectory;

  constructor(programs: readonly DuplicityProgram[], scratch: ScratchDirectory) {
    this.#programs = programs;
    this.#scratch = scratch;
  }

  /** Stands for a path that is different for each program. */
  path(name: string): string {
    return `<place>/${name}`;
  }

  url(name: string): string {
    return `file://${this.path(name)}`;
  }

  /** `except`: lines that may differ. */
  async same(
    title: string,
    parameters: readonly string[],
    status = 0,
    except?: RegExp,
  ): Promise<void> {
    const [real, own] = await Promise.all(
      this.#programs.map(async (program) => {
        const place = this.#scratch.of(program.name);
        const log = `${place}/log`;
        mkdirSync(place, { recursive: true });
        rmSync(log, { force: true });
        const run = await program.run(
          [
            `--log-file=${log}`,
            `--archive-dir=${place}/cache`,
            '--no-encryption',
            '--name=x',
            ...parameters.map((word) => word.replaceAll('<place>', place)),
          ],
          { HOME: this.#scratch.path, TZ: 'UTC' },
        );
        return told(run, existsSync(log) ? readFileSync(log, 'latin1') : '', place, except);
      }),
    );
    assert.equal(own!.status, status, `${title}: ${JSON.stringify(own)}`);
    assert.deepEqual(own, real, title);
  }

  /** Gives each program what the other has: the archive, and the copies of what can be read without it. */
  exchange(): void {
    for (const name of ['archive', 'cache']) {
      const [one, other] = this.#programs.map((program) =>
        this.#scratch.of(`${program.name}/${name}`),
      );
      const between = this.#scratch.of('between');
      renameSync(one!, between);
      renameSync(other!, one!);
      renameSync(between, other!);
    }
  }

  /** Does the same to what each program has, such as its archive. */
  each(work: (place: string) => void): void {
    for (const { name } of this.#programs) work(this.#scratch.of(name));
  }

  /** Leaves a volume of a set that never was. */
  spoil(): void {
    const file = 'duplicity-full.20240101T000000Z.vol1.difftar.gz';
    this.each((place) => writeFileSync(`${place}/archive/${file}`, 'x'));
  }
}

interface Told {
  readonly status: number;
  readonly output: readonly string[];
  readonly errors: readonly string[];
  readonly log: readonly string[];
}

function told(run: ProgramRun, log: string, place: string, except: RegExp | undefined): Told {
  const lines = (text: string): string[] =>
    comparable(text, place)
      .split('\n')
      .filter((line) => except?.test(line) !== true);
  return {
    status: run.status,
    output: lines(run.output),
    errors: lines(run.errors),
    log: lines(log),
  };
}
