import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

import { type DataSet, dataSets } from './data.ts';
import { type Result, summarize } from './results.ts';
import { verdicts } from './targets.ts';
import { type Step, type Tool, steps } from './tools/tool.ts';

/** What there is to tell. */
export interface Report {
  readonly results: readonly Result[];
  /** What went wrong, in sentences; a program's figures are left out where its restore was not right. */
  readonly failures: readonly string[];
  /** The programs that were there, with their versions. */
  readonly tools: readonly { readonly tool: Tool; readonly version: string }[];
  readonly dataBytes: Readonly<Record<DataSet, number>>;
  readonly scale: number;
  /** When it was measured; milliseconds since 1970. */
  readonly time: number;
}

const titles: Readonly<Record<Step, string>> = {
  first: 'First backup',
  second: 'Second backup, nothing changed',
  snapshots: 'List of snapshots',
  check: 'Check of all data',
  copy: 'Copy to another repository',
  restore: 'Restore',
};

/** The measured figures, a table for each step. */
export function figures({ results, dataBytes }: Report): string {
  const summaries = summarize(results);
  const parts = dataSets.flatMap((set) =>
    steps.flatMap((step) => {
      const rows = summaries.filter((each) => each.set === set && each.step === step);
      if (rows.length === 0) return [];
      const own = rows.find(({ tool }) => tool === 'holdfast');
      const head = [
        'program',
        'time',
        'CPU time',
        'memory',
        'repository',
        'of the data',
        'time / Holdfast',
      ];
      const body = rows.map((row) => [
        row.tool,
        `${row.seconds.toFixed(2)} s`,
        `${row.cpuSeconds.toFixed(2)} s`,
        mebibytes(row.peakBytes),
        mebibytes(row.repositoryBytes),
        `${((100 * row.repositoryBytes) / dataBytes[set]).toFixed(1)} %`,
        own === undefined ? '–' : `${(row.seconds / own.seconds).toFixed(2)} ×`,
      ]);
      return [`### ${titles[step]}, ${set} files`, table([head, ...body])];
    }),
  );
  return parts.join('\n\n');
}

/** Wanted and measured ratios, a line each. */
export function ratios({ results }: Report): string {
  const words = { true: 'met', false: '**missed**', undefined: 'not measured' } as const;
  const body = verdicts(summarize(results)).map(({ work, wanted, measured, met }) => [
    work,
    wanted,
    measured,
    words[`${met}`],
  ]);
  return table([['work', 'wanted', 'measured', ''], ...body]);
}

/** The page for the documentation. */
export function page(report: Report): string {
  const { tools, dataBytes, results, failures, scale, time } = report;
  const runs = Math.max(...summarize(results).map((summary) => summary.runs));
  const versions = tools.map(({ tool, version }) => [tool.name, version, tool.settings]);
  const sizes = dataSets.map((set) => `${mebibytes(dataBytes[set])} of ${set} files`).join(', ');
  return `# Benchmark

Written by \`npm run bench\`; do not edit. All programs worked in turn on the same data in the same run on the same machine, with the
page cache warm and encryption on (but for tar). Compare the figures with each other, not with those of another machine.

- Date: ${new Date(time).toISOString().slice(0, 10)}
- Machine: ${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${type()} ${release().split('.').slice(0, 2).join('.')}
- Data, made from a seed: ${sizes}${scale === 1 ? '' : ` (scale ${scale}: only to try the benchmark out)`}. The small ones are text, JSON, binary records and
  incompressible files, some of them twice; the large ones a disk image of which half is compressible, and random bytes.
- ${runs === 1 ? 'One measurement' : `Median of ${runs} measurements`}; memory is the highest of all, of all processes of a program together.
- Every restored tree was compared with its source: names, kinds, permissions, times, links and every byte.

Run it again: \`npm run bench\`, or \`npm run bench -- --runs 3\`; \`node bench/main.ts --help\` tells the options. It needs
\`/usr/bin/time\`, 20 GiB of disk, and measures those of the programs that are installed.

## Programs

${table([['program', 'version', 'settings'], ...versions])}

## What was wanted

${ratios(report)}
${failures.length === 0 ? '' : `\n## What went wrong\n\n${failures.map((failure) => `- ${failure}`).join('\n')}\n`}
## Figures

${figures(report)}
`;
}

/** A table that is one in Markdown and readable as it is. */
function table(content: readonly (readonly string[])[]): string {
  const rows = content.map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), 3),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
