import { formatCount } from './size.ts';

/** So many of something, for people: `1 file`, `1,234 files`, `3 directories`, `2 damaged packs`. `many` only where that is not made in this way. */
export function counted(count: number, one: string, many = pluralOf(one)): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function pluralOf(one: string): string {
  if (/[^aeiou]y$/u.test(one)) return `${one.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/u.test(one) ? `${one}es` : `${one}s`;
}
