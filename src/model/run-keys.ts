import type { Configuration } from './configuration.ts';
import type { Activity, Job } from './job.ts';
import { destinationName } from './named-destination.ts';
import type { RunTrigger } from './run.ts';
import type { SecretValue } from './secret-value.ts';

/**
 * What a run of a job excludes: other runs of the same job, of the same queue, and whatever uses one of its repositories. An address counts without
 * its user, password and options, so two ways to write one place are one place.
 */
export function runKeys(
  job: Job,
  configuration: Pick<Configuration, 'destinations'>,
  _activity: Activity,
): readonly string[] {
  const keys = new Set([`job:${job.name}`]);
  if (job.queue !== undefined) keys.add(`queue:${job.queue}`);
  if (job.kind === 'backup') {
    for (const destination of job.destinations) {
      keys.add(`repository:${addressOf(meantUrl(destination.url, configuration))}`);
    }
  }
  return [...keys];
}

/** Restores first, then what a person waits for, then what the schedule wants. */
export function priorityOf(trigger: RunTrigger, activity: Activity): number {
  if (activity === 'restore') return 100;
  return trigger === 'manual' || trigger === 'api' || trigger === 'action' ? 50 : 0;
}

/** A name that is not there makes a run fail, later and with words; until then it stands for itself. */
function meantUrl(
  url: SecretValue,
  { destinations }: Pick<Configuration, 'destinations'>,
): SecretValue {
  const name = destinationName({ url });
  return name !== undefined && Object.hasOwn(destinations, name) ? destinations[name]!.url : url;
}

/** An address, without what is secret; where it is kept, if that is all there is. */
function addressOf(url: SecretValue): string {
  if (typeof url !== 'string') {
    const [kind, place] = Object.entries(url)[0]!;
    return `${kind}:${typeof place === 'string' ? place : place.join(' ')}`;
  }
  const [, scheme, authority = '', path = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)([^?]*)/iu.exec(url) ?? [];
  if (scheme === undefined) return withoutSlashes(url);
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase();
  const place = withoutSlashes(path);
  return scheme.toLowerCase() === 'file' ? place : `${scheme.toLowerCase()}://${host}${place}`;
}

const withoutSlashes = (path: string): string =>
  /^\/+$/u.test(path) ? '/' : path.replace(/\/+$/u, '');
