import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../../src/base/clock.ts';
import { catalogKeyFile } from '../../src/catalog/catalog-key.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { Run, RunState } from '../../src/model/run.ts';
import { codeCache } from './code-cache.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast');

/** A machine of its own with the program on it, run as processes that can be killed. */
export interface ServiceMachine extends AsyncDisposable {
  readonly path: string;
  of(...names: readonly string[]): string;
  readonly environment: Readonly<Record<string, string>>;
  /** Writes the configuration file. */
  configure(text: string): Promise<void>;
  /** Runs a command to its end. */
  run(
    ...argv: readonly string[]
  ): Promise<{ status: number | null; output: string; errors: string }>;
  /** Starts `holdfast server` and waits until it works. All that still run are killed at the end. */
  serve(...argv: readonly string[]): Promise<RunningServer>;
  /** The catalog, as another process sees it. */
  look<Result>(at: (catalog: Catalog) => Promise<Result>): Promise<Result>;
  /** The runs of a job in one of these states, newest first, when there is one. */
  untilRun(job: string, ...states: readonly RunState[]): Promise<readonly Run[]>;
}

export interface RunningServer {
  readonly child: ChildProcess;
  log(): string;
  untilLogged(text: RegExp): Promise<void>;
  /** Ends it with a signal; gives its exit status (`null` if the signal ended it) and how long that took, in milliseconds. */
  end(signal: NodeJS.Signals): Promise<{ status: number | null; milliseconds: number }>;
}

export async function serviceMachine(): Promise<ServiceMachine> {
  const directory = await temporaryDirectory();
  const of = (...names: readonly string[]): string => path.join(directory.path, ...names);
  const environment = {
    HOME: of('home'),
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_STATE_DIR: of('state'),
    HOLDFAST_CACHE_DIR: of('cache'),
    HOLDFAST_LISTEN: 'none',
    ...codeCache,
  };
  const children = new Set<ChildProcess>();
  const start = (argv: readonly string[]) => {
    const child = spawn(launcher, argv, {
      cwd: directory.path,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    const said = { output: '', errors: '' };
    child.stdout.on('data', (data: Buffer) => (said.output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (said.errors += data.toString()));
    const ended = new Promise<number | null>((resolve) =>
      child.once('close', (status) => {
        children.delete(child);
        resolve(status);
      }),
    );
    return { child, said, ended };
  };
  const look: ServiceMachine['look'] = async (at) => {
    await using catalog = await openCatalog({
      location: { file: of('state/catalog.sqlite') },
      key: catalogKeyFile(of('state/catalog.key')),
      clock: systemClock,
    });
    return await at(catalog);
  };
  return {
    path: directory.path,
    of,
    environment,
    look,
    configure: (text) => writeFile(of('holdfast.yaml'), text),
    async run(...argv) {
      const { said, ended } = start(argv);
      return { status: await ended, ...said };
    },
    async serve(...argv) {
      const { child, said, ended } = start(['server', '--config', of('holdfast.yaml'), ...argv]);
      let isOver = false;
      void ended.then(() => (isOver = true));
      const log = (): string => said.output + said.errors;
      const untilLogged = async (text: RegExp): Promise<void> => {
        await until(() => {
          if (isOver && !text.test(log())) assert.fail(`The server has ended: ${log()}`);
          return Promise.resolve(text.test(log()));
        }, log);
      };
      await untilLogged(/The service works/u);
      return {
        child,
        log,
        untilLogged,
        async end(signal) {
          const begun = performance.now();
          child.kill(signal);
          return { status: await ended, milliseconds: performance.now() - begun };
        },
      };
    },
    async untilRun(job, ...states) {
      let found: readonly Run[] = [];
      await until(
        async () => {
          found = await look((catalog) => catalog.runs.list({ job, states }));
          return found.length > 0;
        },
        () => JSON.stringify(found, undefined, 1),
      );
      return found;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await until(() => Promise.resolve(children.size === 0));
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when something is true; fails after a minute. */
export async function until(
  isTrue: () => Promise<boolean>,
  tell: () => string = () => '',
): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await isTrue()) return;
    await sleep(100);
  }
  assert.fail(`It never came true: ${tell()}`);
}

/** Whether a process of this machine has a text in its command line. */
export async function isRunning(text: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.some((line) => line.replaceAll('\0', ' ').includes(text));
}
