/** Which numbers a field may have. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
}

/** The numbers whose bits are set. */
export function numbersOf(mask: number, { least, most }: NumberRange): readonly number[] {
  const numbers: number[] = [];
  for (let number = least; number <= most; number++)
    if ((mask & (1 << number)) !== 0) numbers.push(number);
  return numbers;
}

/** Sorted numbers as a list whose runs of three or more are ranges: `1-5,10`. */
export function listText(
  numbers: readonly number[],
  {
    between,
    print = String,
  }: { readonly between: string; readonly print?: (number: number) => string },
): string {
  const parts: string[] = [];
  for (let from = 0; from < numbers.length;) {
    let until = from;
    while (numbers[until + 1] === numbers[until]! + 1) until++;
    const first = print(numbers[from]!);
    if (until - from >= 2) parts.push(`${first}${between}${print(numbers[until]!)}`);
    else for (const number of numbers.slice(from, until + 1)) parts.push(print(number));
    from = until + 1;
  }
  return parts.join(',');
}

/** The step, if the numbers are all that a star with a step means: from the least in equal steps to the end. */
export function stepOf(
  numbers: readonly number[],
  { least, most }: NumberRange,
): number | undefined {
  const step = (numbers[1] ?? Number.NaN) - least;
  if (!(step > 1) || numbers[0] !== least) return undefined;
  const wanted = Math.floor((most - least) / step) + 1;
  const fits =
    numbers.length === wanted && numbers.every((number, index) => number === least + index * step);
  return fits ? step : undefined;
}

/** Whether there is nothing that is left out. */
export const isEvery = (numbers: readonly number[], { least, most }: NumberRange): boolean =>
  numbers.length === most - least + 1;
