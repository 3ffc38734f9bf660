const directory = process.env['NODE_COMPILE_CACHE'];

/**
 * The variable by which programs of ours that tests start find what Node has already made of the sources: with a home directory of its own,
 * each of them would begin from nothing. Empty when the tests were started without one (`npm test` sets it).
 */
export const codeCache: Readonly<Record<string, string>> =
  directory === undefined ? {} : { NODE_COMPILE_CACHE: directory };
