/** Measures `holdfast duplicity` beside duplicity itself, with the same command lines on the same data. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

import { difference } from './compare.ts';
import { dataDirectory } from './data.ts';
import { bytesBelow, readAll } from './files.ts';
import { type Measurement, type RunOptions, measure, run } from './measure.ts';
import { program as published } from './published-program.ts';
import { passphrase } from './tools/tool.ts';

const modes = ['unencrypted', 'symmetric'] as const;
const steps = ['full', 'incremental', 'restore'] as const;
type Mode = (typeof modes)[number];
type Step = (typeof steps)[number];

/** How many times faster than the original each step is to be, and the most memory of any. */
const wanted: Readonly<Record<Step, number>> = { full: 4, incremental: 4, restore: 3 };
const mostBytes = 300 * 2 ** 20;

const programs = { holdfast: [published, 'duplicity'], duplicity: ['duplicity'] };
type Program = keyof typeof programs;

export interface ArchiveRow {
  readonly mode: Mode;
  readonly step: Step;
  readonly own: Measurement;
  readonly other: Measurement;
  /** Bytes of the archive afterwards. */
  readonly ownBytes: number;
  readonly otherBytes: number;
}

/** Whether every figure is as it was wanted. */
export function isMet(rows: readonly ArchiveRow[]): boolean {
  return rows.every(
    ({ step, own, other }) =>
      other.seconds / own.seconds >= wanted[step] && own.peakBytes <= mostBytes,
  );
}

/**
 * A full backup of the small files, an incremental one after one file in a hundred has changed, and a restore, by both programs in turn. What each restores is
 * compared with the source.
 */
export async function measureArchives(
  work: string,
  environment: (home: string) => Record<string, string>,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<ArchiveRow[]> {
  const home = join(work, 'run', 'archives');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  try {
    const rows: ArchiveRow[] = [];
    for (const mode of modes) {
      // Nothing is deleted before the end: see `forgetDeletedFiles`.
      const source = join(home, `${mode}-source`);
      cpSync(dataDirectory(work, 'small'), source, {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
      });
      for (const step of steps) {
        if (step === 'incremental') changeSome(source);
        const measured = {} as Record<Program, Measurement & { readonly bytes: number }>;
        for (const program of ['holdfast', 'duplicity'] as const) {
          const place = join(home, `${mode}-${program}`);
          measured[program] = await measureStep(program, step, mode, {
            place,
            source,
            environment,
            signal,
          });
          const { seconds, peakBytes, bytes } = measured[program];
          say(
            `archives, ${mode}: ${step} by ${program}: ${seconds.toFixed(2)} s, ${Math.round(peakBytes / 2 ** 20)} MiB of memory, archive of ${Math.round(bytes / 2 ** 20)} MiB`,
          );
        }
        const { holdfast: own, duplicity: other } = measured;
        rows.push({ mode, step, own, other, ownBytes: own.bytes, otherBytes: other.bytes });
      }
    }
    return rows;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Surroundings {
  readonly place: string;
  readonly source: string;
  readonly environment: (home: string) => Record<string, string>;
  readonly signal: AbortSignal;
}

async function measureStep(
  program: Program,
  step: Step,
  mode: Mode,
  { place, source, environment, signal }: Surroundings,
): Promise<Measurement & { readonly bytes: number }> {
  const [archive, target] = [join(place, 'archive'), join(place, 'target')];
  mkdirSync(join(place, 'gnupg'), { recursive: true, mode: 0o700 });
  mkdirSync(archive, { recursive: true });
  const url = `file://${archive}`;
  const options = ['--archive-dir', join(place, 'cache'), '--name', 'bench'];
  if (mode === 'unencrypted') options.push('--no-encryption');
  const words =
    step === 'restore' ? ['restore', ...options, url, target] : [step, ...options, source, url];
  const runOptions: RunOptions = {
    directory: place,
    environment: {
      ...environment(place),
      GNUPGHOME: join(place, 'gnupg'),
      ...(mode === 'symmetric' && { PASSPHRASE: passphrase }),
    },
    signal,
  };
  await run(['sync'], runOptions);
  readAll(step === 'restore' ? archive : source);
  const measurement = await measure(
    [...programs[program], ...words],
    runOptions,
    join(place, 'time'),
  );
  if (step === 'restore') {
    const wrong = difference(source, target);
    if (wrong !== undefined)
      throw new Error(`What ${program} restored is not what was backed up: ${wrong}`);
  }
  return { ...measurement, bytes: bytesBelow(archive) };
}

/** One regular file in a hundred gets longer, and is of now. */
function changeSome(directory: string): void {
  let number = 0;
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && ++number % 100 === 0)
        appendFileSync(path, `changed ${number} of ${statSync(path).size}\n`);
    }
  };
  visit(directory);
}

/** Writes the page of the documentation. */
export function writeArchivePage(file: string, rows: readonly ArchiveRow[], now: number): void {
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const lines = rows.map(({ mode, step, own, other, ownBytes, otherBytes }) => {
    const speed = other.seconds / own.seconds;
    return `| ${[
      mode,
      step,
      `${own.seconds.toFixed(2)} s`,
      `${other.seconds.toFixed(2)} s`,
      `${speed.toFixed(2)} ×`,
      `at least ${wanted[step]} ×: ${speed >= wanted[step] ? 'met' : '**missed**'}`,
      `${mebibytes(own.peakBytes)}${own.peakBytes <= mostBytes ? '' : ' **(too much)**'}`,
      mebibytes(other.peakBytes),
      mebibytes(ownBytes),
      mebibytes(otherBytes),
    ].join(' | ')} |`;
  });
  writeFileSync(
    file,
    `# Benchmark of duplicity's archives

Written by \`npm run bench\`; do not edit. \`holdfast duplicity\` beside duplicity itself, with the same command lines: a full backup of the small files of
[the other benchmark](benchmark.md), an incremental one after one file in a hundred has changed, and a restore, which is compared with the source. At most
${mostBytes / 2 ** 20} MiB of memory are wanted.

- Date: ${new Date(now).toISOString().slice(0, 10)}
- Machine: ${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${type()} ${release().split('.').slice(0, 2).join('.')}

| protection | step | Holdfast | duplicity | speed | wanted | memory | of duplicity | archive | of duplicity |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`,
  );
}
