import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { type DataSet, dataSets } from './data.ts';
import { type Step, steps } from './tools/tool.ts';

export const help = `node bench/main.ts [OPTION…]

Measures Holdfast and, where installed, restic, Borg, duplicity and tar | zstd on the same data.

  --data DIR        where data and repositories go; the data is kept (default: .bench in the checkout)
  --runs N          measure everything N times and take the median (default: 1)
  --only LIST       only these of: small, large, first, second, snapshots, check, copy, restore,
                    archives
  --tools LIST      only these of: holdfast, restic, borg, duplicity, tar
  --report FILE     write the page there (default: docs/benchmark.md, when everything was measured)
  --assert          exit with 1 when a ratio that was wanted is missed
  --scale FRACTION  make less data, to try the benchmark out (default: 1)
`;

export interface Options {
  readonly work: string;
  readonly runs: number;
  readonly sets: readonly DataSet[];
  readonly steps: readonly Step[];
  /** Whether `holdfast duplicity` is measured beside duplicity. */
  readonly archives: boolean;
  /** Undefined for all. */
  readonly tools: readonly string[] | undefined;
  /** Where the page goes in any case. */
  readonly report: string | undefined;
  /** Whether everything is to be measured, as the page of the documentation wants it. */
  readonly whole: boolean;
  readonly assert: boolean;
  readonly scale: number;
}

/** Reads the command line; undefined when it asks for help. */
export function readOptions(
  parameters: string[],
  toolNames: readonly string[],
): Options | undefined {
  const { values } = parseArgs({
    args: parameters,
    options: {
      data: { type: 'string', default: fileURLToPath(new URL('../.bench', import.meta.url)) },
      runs: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      tools: { type: 'string' },
      report: { type: 'string' },
      assert: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const only = list(values.only, [...dataSets, ...steps, 'archives'], '--only');
  const tools = values.tools === undefined ? undefined : list(values.tools, toolNames, '--tools');
  const runs = Number(values.runs);
  const scale = Number(values.scale);
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new TypeError(`Cannot use --runs "${values.runs}": not a number of runs`);
  if (!(scale > 0 && scale <= 1))
    throw new TypeError(`Cannot use --scale "${values.scale}": not between 0 and 1`);
  const whole = only.length === 0 && tools === undefined && scale === 1;
  const chosen = <Name extends string>(names: readonly Name[]): readonly Name[] =>
    names.some((name) => only.includes(name)) ? names.filter((name) => only.includes(name)) : names;
  return {
    work: values.data,
    runs,
    sets: only.length === 1 && only[0] === 'archives' ? [] : chosen(dataSets),
    steps: chosen(steps),
    archives: only.includes('archives') || (only.length === 0 && tools === undefined),
    tools,
    report: values.report,
    whole,
    assert: values.assert,
    scale,
  };
}

function list(text: string, known: readonly string[], option: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`Cannot use ${option} "${unknown}": it is none of ${known.join(', ')}`);
  return names;
}
