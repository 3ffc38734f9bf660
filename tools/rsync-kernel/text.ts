/** Pieces of WebAssembly's text. */

/** The value of a local. */
export const get = (name: string): string => `(local.get $${name})`;
/** The numbers from 0 on. */
export const range = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index);

/** The declaration of locals of one type. */
export const locals = (type: string, names: readonly string[]): string =>
  names.map((name) => `(local $${name} ${type})`).join(' ');
