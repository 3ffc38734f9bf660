import { type Model, search } from './state-search.ts';

/** One search: a model with certain bounds and defences, and what must come out. */
export interface Variant {
  /** Says what is checked, or which defence is taken out. */
  readonly name: string;
  /** Whether a promise must be broken: the name then tells what the defence was for. */
  readonly loses: boolean;
  /** States seen before the search ends. A change of the model that nobody meant changes this number. */
  readonly states: number;
  readonly model: () => Model;
}

/**
 * The command line of a model file: without arguments all variants with their states and results, with `trace NAME` a
 * shortest counterexample of each variant whose name contains NAME. Sets the exit status to 1 if a result is not as expected.
 */
export function runVariants(
  variants: readonly Variant[],
  [command, name]: readonly string[],
): void {
  if (command === 'trace') {
    const chosen = variants.filter((variant) => variant.name.includes(name ?? ''));
    if (chosen.length === 0) {
      console.error(`No variant has "${name}" in its name`);
      process.exitCode = 2;
    }
    for (const variant of chosen) {
      const { states, violation, trace } = search(variant.model(), { trace: true });
      const head = [variant.name, `${states} states`, violation ?? 'no violation'];
      console.log([...head, ...trace].join('\n  '));
    }
    return;
  }
  for (const variant of variants) {
    const begin = performance.now();
    const { states, violation } = search(variant.model());
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    const expected = (violation !== undefined) === variant.loses && states === variant.states;
    if (!expected) process.exitCode = 1;
    const columns = [
      variant.name.padEnd(84),
      String(states).padStart(9),
      `states ${seconds.padStart(6)} s `,
    ];
    console.log(
      ...columns,
      violation === undefined ? 'no violation' : `LOSS: ${violation}`,
      expected ? '' : '(not as expected)',
    );
  }
}
