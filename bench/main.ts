/** Measures this program beside others: `npm run bench`. See `--help`, and docs/benchmark.md for what came out. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../src/base/clock.ts';
import { difference } from './compare.ts';
import { isMet, measureArchives, writeArchivePage } from './archives.ts';
import { type DataSet, dataDirectory, makeData } from './data.ts';
import { bytesBelow, forgetDeletedFiles, readAll } from './files.ts';
import { type RunOptions, measure, missingForMeasuring, run } from './measure.ts';
import { type Options, help, readOptions } from './options.ts';
import { type Report, figures, page, ratios } from './report.ts';
import { type Result, summarize } from './results.ts';
import { verdicts } from './targets.ts';
import { borg } from './tools/borg.ts';
import { duplicity } from './tools/duplicity.ts';
import { holdfast } from './tools/holdfast.ts';
import { restic } from './tools/restic.ts';
import { tar } from './tools/tar.ts';
import { type Place, type Step, type Tool, steps } from './tools/tool.ts';

const allTools: readonly Tool[] = [holdfast, restic, borg, duplicity, tar];

const documentation = fileURLToPath(new URL('../docs/benchmark.md', import.meta.url));
const archivePage = fileURLToPath(new URL('../docs/benchmark-archives.md', import.meta.url));

/** Steps that say something about large files as well; the others depend on the number of files. */
const largeSteps: ReadonlySet<Step> = new Set(['first', 'check', 'restore']);

async function main(): Promise<void> {
  const options = readOptions(
    process.argv.slice(2),
    allTools.map(({ name }) => name),
  );
  if (options === undefined) {
    process.stdout.write(help);
    return;
  }
  const missing = missingForMeasuring();
  if (missing !== undefined) throw new Error(missing);
  const { signal, release } = interruption();
  try {
    const work = resolve(options.work);
    mkdirSync(work, { recursive: true });
    makeData(
      work,
      options.archives ? [...new Set<DataSet>([...options.sets, 'small'])] : options.sets,
      options.scale,
      say,
    );
    // An earlier benchmark may have been killed.
    rmSync(join(work, 'run'), { recursive: true, force: true });
    forgetDeletedFiles();
    if (options.sets.length > 0) await measureSteps(options, work, signal);
    if (options.sets.length > 0 && options.archives) forgetDeletedFiles();
    if (options.archives) await measureOwnArchives(options, signal);
  } finally {
    release();
  }
}

/** All programs on the same data, and the page about it. */
async function measureSteps(options: Options, work: string, signal: AbortSignal): Promise<void> {
  try {
    const report = await measureAll({ ...options, work }, signal);
    process.stdout.write(`\n${figures(report)}\n\n${ratios(report)}\n`);
    const isComplete = options.whole && report.tools.some(({ tool }) => tool === holdfast);
    const path = options.report ?? (isComplete ? documentation : undefined);
    if (path !== undefined) {
      writeFileSync(path, page(report));
      say(`Wrote ${path}`);
    }
    const isMissed = verdicts(summarize(report.results)).some(({ met }) => met === false);
    if (report.failures.length > 0 || (options.assert && isMissed)) process.exitCode = 1;
  } finally {
    // Last, so that what was measured is written down whatever becomes of this.
    rmSync(join(work, 'run'), { recursive: true, force: true });
  }
}

async function measureOwnArchives(options: Options, signal: AbortSignal): Promise<void> {
  const rows = await measureArchives(resolve(options.work), environmentFor, signal, say);
  if (options.scale === 1) {
    writeArchivePage(archivePage, rows, systemClock.now());
    say(`Wrote ${archivePage}`);
  }
  if (options.assert && !isMet(rows)) process.exitCode = 1;
}

async function measureAll(options: Options, signal: AbortSignal): Promise<Report> {
  const tools = await installedTools(options, signal);
  const results: Result[] = [];
  const failures: string[] = [];
  // Programs take turns within a run, so that a slow hour of the machine is one for all of them.
  for (let number = 1; number <= options.runs; number++) {
    for (const set of options.sets) {
      for (const { tool } of tools) {
        try {
          const home = join(options.work, 'run', `${number}-${set}-${tool.name}`);
          results.push(...(await measureTool(tool, set, home, options, signal)));
        } catch (error) {
          signal.throwIfAborted();
          failures.push(
            `${tool.name}, ${set} files: ${error instanceof Error ? error.message : String(error)}`,
          );
          say(failures.at(-1) ?? '');
        }
      }
    }
  }
  const sizeOf = (set: DataSet): number =>
    options.sets.includes(set) ? bytesBelow(dataDirectory(options.work, set)) : 0;
  const dataBytes = { small: sizeOf('small'), large: sizeOf('large') };
  return { results, failures, tools, dataBytes, scale: options.scale, time: systemClock.now() };
}

async function installedTools(
  options: Options,
  signal: AbortSignal,
): Promise<Report['tools'][number][]> {
  const installed: Report['tools'][number][] = [];
  for (const tool of allTools.filter(({ name }) => options.tools?.includes(name) ?? true)) {
    try {
      const output = await run(tool.version, {
        directory: options.work,
        environment: environmentFor(options.work),
        signal,
      });
      installed.push({ tool, version: output.trim().split('\n').join(', ') });
    } catch (error) {
      signal.throwIfAborted();
      say(`Leaving out ${tool.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return installed;
}

/** Takes one program through all steps on one set, and makes sure that what it restores is right. */
async function measureTool(
  tool: Tool,
  set: DataSet,
  home: string,
  options: Options,
  signal: AbortSignal,
): Promise<Result[]> {
  const source = dataDirectory(options.work, set);
  const place: Place = {
    source,
    repository: join(home, 'repository'),
    copy: join(home, 'copy'),
    target: join(home, 'target'),
    state: join(home, 'state'),
  };
  for (const directory of [place.repository, place.copy, place.target, place.state])
    mkdirSync(directory, { recursive: true });
  const commands = tool.commands(place);
  const runOptions: RunOptions = {
    directory: home,
    environment: { ...environmentFor(place.state), ...commands.environment },
    signal,
  };
  const results: Result[] = [];
  try {
    for (const step of steps) {
      const command = commands[step];
      // Without a first backup there is nothing to check or to restore.
      const isWanted =
        step === 'first' ||
        (options.steps.includes(step) && (set === 'small' || largeSteps.has(step)));
      if (command === undefined || !isWanted) continue;
      const preparation = commands.prepare?.[step];
      if (preparation !== undefined) await run(preparation, runOptions);
      // What earlier steps left to be written must not slow this one down.
      await run(['sync'], runOptions);
      // Some systems take out of memory what was not read for seconds: everybody begins with all of it there.
      readAll(source);
      if (step !== 'first') readAll(place.repository);
      const measurement = await measure(command, runOptions, join(home, 'time'));
      const result = {
        ...measurement,
        set,
        step,
        tool: tool.name,
        repositoryBytes: bytesBelow(step === 'copy' ? place.copy : place.repository),
      };
      say(
        `${set} ${step} ${tool.name}: ${result.seconds.toFixed(2)} s, ${result.cpuSeconds.toFixed(2)} s CPU, ${Math.round(result.peakBytes / 2 ** 20)} MiB`,
      );
      results.push(result);
      if (step !== 'restore') continue;
      const wrong = difference(source, commands.restoredTo);
      if (wrong !== undefined)
        throw new Error(`What it restored is not what was backed up: ${wrong}`);
    }
    return results.filter(({ step }) => options.steps.includes(step));
  } finally {
    if (commands.cleanUp !== undefined)
      await run(commands.cleanUp, { ...runOptions, signal: new AbortController().signal });
    // Some file systems pass over the places of thousands of files deleted a moment ago, one by one, whenever a file is made:
    // so small files stay until all is measured. Large ones would only fill the disk.
    if (set === 'large') rmSync(home, { recursive: true, force: true });
  }
}

/** What a program sees of the environment: nothing of the caller's settings and keys. */
function environmentFor(home: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8', TZ: 'UTC' };
}

/** A signal that aborts when the user or the system ends this program; `release` stops listening. */
function interruption(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Error('Interrupted'));
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  say(message);
  process.exitCode = message === 'Interrupted' ? 130 : 1;
}
