const portion = 500;

/** Parts of a list that are short enough for the parameters of one statement. */
export function* inPortions<Item>(items: readonly Item[]): Generator<readonly Item[], void, void> {
  for (let start = 0; start < items.length; start += portion)
    yield items.slice(start, start + portion);
}
