import type { Output } from './output/output.ts';

/** Standard output is given time to take what was written after so many lines. */
const LINES = 256;

/** Prints results one after the other, no faster than they are read, and stops when nobody reads them any more. Gives how many there were. */
export async function printAll<Item>(
  items: AsyncIterable<Item>,
  output: Output,
  print: (item: Item) => void,
): Promise<number> {
  let count = 0;
  for await (const item of items) {
    if (output.closed) break;
    print(item);
    if (++count % LINES === 0) await output.flush();
  }
  return count;
}
