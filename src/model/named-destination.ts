import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';
import type { Configuration } from './configuration.ts';
import type { JobDestination } from './job.ts';

/** Whether a destination's `url` is the name of one of the configuration's, rather than a URL or a path. */
export function destinationName({ url }: Pick<JobDestination, 'url'>): string | undefined {
  if (typeof url !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/u.test(url)) return undefined;
  return url;
}

/**
 * A destination of a job with what the configuration says of the one that it names; what the job says itself counts more, option by option.
 *
 * @throws AppError `input/invalid` if there is none of the name
 */
export function meantDestination(
  destination: JobDestination,
  { destinations }: Pick<Configuration, 'destinations'>,
): JobDestination {
  const name = destinationName(destination);
  if (name === undefined) return destination;
  const named = Object.hasOwn(destinations, name) ? destinations[name] : undefined;
  if (named === undefined) {
    const nearest = didYouMean(name, Object.keys(destinations));
    throw new AppError('input/invalid', `There is no destination "${name}"`, {
      hint:
        nearest === undefined
          ? 'Give a URL, a path that begins with a slash, or a name from "destinations"'
          : `Did you mean "${nearest}"?`,
    });
  }
  const { url: _, ...own } = destination;
  const merged = { name, ...named, ...own };
  for (const part of ['options', 'environment', 'flags'] as const) {
    if (named[part] === undefined || own[part] === undefined) continue;
    Object.assign(merged, { [part]: { ...named[part], ...own[part] } });
  }
  return merged;
}
