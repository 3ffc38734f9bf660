import { isDeepStrictEqual } from 'node:util';

/**
 * Which item of a list each item of a changed list was before: the one that is the same, else the one of the same name, else of the same address. An item
 * whose list is as long as before may be another one in its place. `undefined` where nothing can be said: to take the one at the same place would give an item
 * what belongs to another that was removed.
 */
export function listCounterparts(
  written: readonly unknown[],
  before: readonly unknown[],
): readonly (number | undefined)[] {
  const found: (number | undefined)[] = written.map(() => undefined);
  const taken = new Set<number>();
  const match = (isSame: (one: unknown, other: unknown) => boolean): void => {
    for (const [index, item] of written.entries()) {
      if (found[index] !== undefined) continue;
      const other = before.findIndex((one, at) => !taken.has(at) && isSame(item, one));
      if (other < 0) continue;
      found[index] = other;
      taken.add(other);
    }
  };
  match(isDeepStrictEqual);
  match((item, one) => isSameText(item, one, 'name'));
  match((item, one) => isSameText(item, one, 'url'));
  if (written.length !== before.length) return found;
  return found.map((other, index) => other ?? (taken.has(index) ? undefined : index));
}

function isSameText(item: unknown, one: unknown, field: string): boolean {
  const text = textOf(item, field);
  return text !== undefined && text === textOf(one, field);
}

function textOf(item: unknown, field: string): string | undefined {
  if (typeof item !== 'object' || item === null || !Object.hasOwn(item, field)) return undefined;
  const value = (item as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'string' ? value : undefined;
}
