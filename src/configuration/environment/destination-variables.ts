import { AppError } from '../../base/errors.ts';
import type { Environment } from './environment-reader.ts';

/** Where the job container backs up from if `SRC` does not say. */
export const DEFAULT_SOURCE = '/mnt/backup/src';

/** A place that `DST` names, with the environment for it alone. */
export interface ContainerDestination {
  /** Its number with `DST=multi`, else `undefined`. */
  readonly number: number | undefined;
  readonly url: string;
  readonly environment: Environment;
}

/**
 * The destinations of the job container: `DST`, or with `DST=multi` those of `DST_1` to `DST_98`, without a gap. `DST_<n>_<NAME>` is `<NAME>` for that destination
 * only. The environment of each has `SRC` and its own `DST`.
 *
 * @throws AppError `input/invalid` that names the variable
 */
export function containerDestinations(environment: Environment): readonly ContainerDestination[] {
  const source = environment['SRC'] || DEFAULT_SOURCE;
  const target = environment['DST'] ?? '';
  if (target.trim() !== 'multi') {
    if (target.trim() === '') {
      throw new AppError('input/invalid', '"DST" is not set: there is nowhere to back up to', {
        hint: 'Set it to the URL of a destination, such as DST=sftp://host/path',
      });
    }
    return [{ number: undefined, url: target, environment: { ...environment, SRC: source } }];
  }
  const numbers = numbersOf(environment);
  return numbers.map((number) => {
    const url = environment[`DST_${number}`]!;
    const own: Record<string, string | undefined> = {};
    const prefix = `DST_${number}_`;
    for (const [name, value] of Object.entries(environment)) {
      if (name.startsWith(prefix) && name.length > prefix.length)
        own[name.slice(prefix.length)] = value;
    }
    const rest = Object.fromEntries(
      // What is meant for one destination, its secrets above all, is none of the others' business.
      Object.entries(environment).filter(([name]) => !/^DST_\d+(?:_|$)/u.test(name)),
    );
    return { number, url, environment: { ...rest, SRC: source, ...own, DST: url } };
  });
}

/** 1 to the last one. */
function numbersOf(environment: Environment): readonly number[] {
  const given = Object.keys(environment)
    .map((name) => /^DST_(\d+)$/u.exec(name)?.[1])
    .filter((digits) => digits !== undefined && (environment[`DST_${digits}`] ?? '') !== '')
    .map(Number)
    .toSorted((one, other) => one - other);
  if (given.length === 0) {
    throw new AppError('input/invalid', '"DST" is "multi", but "DST_1" is not set', {
      hint: 'Set DST_1, DST_2 and so on to the URLs of the destinations',
    });
  }
  for (const [index, number] of given.entries()) {
    if (number > 98)
      throw new AppError('input/invalid', `"DST_${number}" is one too many: there may be 98`);
    if (number !== index + 1) {
      throw new AppError(
        'input/invalid',
        `"DST_${number}" is set, but "DST_${index + 1}" is not: the numbers must have no gap`,
      );
    }
  }
  return given;
}

/** Doubts about variables of `DST=multi`. */
export function destinationWarnings(environment: Environment): readonly string[] {
  const isMulti = environment['DST']?.trim() === 'multi';
  const numbered = Object.keys(environment).filter((name) => /^DST_\d+(?:_|$)/u.test(name));
  if (!isMulti) {
    const [first] = numbered;
    return first === undefined ? [] : [`"${first}" has no effect: "DST" is not "multi"`];
  }
  const numbers = new Set(numbersOf(environment));
  return numbered
    .filter((name) => !numbers.has(Number(/^DST_(\d+)/u.exec(name)![1])))
    .map((name) => `"${name}" has no effect: there is no destination of that number`);
}
