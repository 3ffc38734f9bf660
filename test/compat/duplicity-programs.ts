import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { runForTest } from '../cli/command-line.ts';

/** How a run of a program ended. */
export interface ProgramRun {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Something that takes duplicity's command lines. */
export interface DuplicityProgram extends AsyncDisposable {
  readonly name: 'duplicity' | 'holdfast';
  run(
    parameters: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<ProgramRun>;
}

/** The installed program, which is loaded once: each run costs a fork instead of half a second. Runs come one after the other. */
export function realDuplicity(): DuplicityProgram {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    '/usr/bin/python3',
    [path.join(import.meta.dirname, 'duplicity-runner.py')],
    { stdio: ['pipe', 'pipe', 'inherit'], env: surroundings },
  );
  const lines: Interface = createInterface({ input: child.stdout });
  const answers = lines[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  return {
    name: 'duplicity',
    run(parameters, environment) {
      const run = last.then(async (): Promise<ProgramRun> => {
        const request = { arguments: parameters, environment: { ...surroundings, ...environment } };
        child.stdin.write(`${JSON.stringify(request)}\n`);
        const { value, done } = await answers.next();
        assert.ok(done !== true, 'duplicity-runner.py has ended');
        return JSON.parse(value) as ProgramRun;
      });
      last = run.catch(() => undefined);
      return run;
    },
    async [Symbol.asyncDispose]() {
      await last;
      child.stdin.end();
      lines.close();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Our command, in this process. */
export function ownDuplicity(): DuplicityProgram {
  return {
    name: 'holdfast',
    async run(parameters, environment) {
      const { status, stdout, stderr } = await runForTest(['duplicity', ...parameters], {
        environment: { ...surroundings, ...environment },
      });
      return { status, output: stdout.text, errors: stderr.text };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const surroundings: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
};
