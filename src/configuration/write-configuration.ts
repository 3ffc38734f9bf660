import { stringify as tomlText } from 'smol-toml';
import { stringify as yamlText } from 'yaml';

import type { Configuration } from '../model/configuration.ts';
import type { Job } from '../model/job.ts';
import { maskSecrets } from './masked-secrets.ts';

export const configurationFormats = ['yaml', 'json', 'toml'] as const;
export type ConfigurationFormat = (typeof configurationFormats)[number];

/** A configuration as the text of a file that `readConfiguration` reads; the inverse of it. */
export function configurationText(
  configuration: Configuration,
  format: ConfigurationFormat,
): string {
  const content = fileContent(configuration);
  switch (format) {
    case 'json':
      return `${JSON.stringify(content, undefined, 2)}\n`;
    case 'toml':
      return tomlText(content);
    case 'yaml':
      return yamlText(content, { lineWidth: 120 });
  }
}

/** The same without the secrets that stand in it. */
export function withoutSecrets(configuration: Configuration): Configuration {
  const { jobs, destinations, channels, periodicities, settings } = configuration;
  // Each by itself: a destination may be called "token", which says nothing of what it holds.
  return {
    jobs: jobs.map((job) => maskSecrets(job)),
    destinations: eachByItself(destinations, (one) => maskSecrets(one)),
    channels: eachByItself(channels, (one) => maskSecrets(one, 'channel')),
    periodicities: eachByItself(periodicities, (one) => maskSecrets(one)),
    settings: maskSecrets(settings),
  };
}

const eachByItself = <Value>(
  documents: Readonly<Record<string, Value>>,
  mask: (document: Value) => Value,
): Record<string, Value> =>
  Object.fromEntries(Object.entries(documents).map(([name, document]) => [name, mask(document)]));

/** A configuration as plain data, the way it is written in a file: jobs by name, nothing that is empty. */
export function fileContent({ jobs, ...rest }: Configuration): Record<string, unknown> {
  const sections = {
    jobs: Object.fromEntries(jobs.map((job) => [job.name, jobFields(job)])),
    ...rest,
  };
  return Object.fromEntries(
    Object.entries(sections).filter(([, section]) => Object.keys(section).length > 0),
  );
}

/** A job as it is written below its name; its kind is left out where everybody sees it. */
export function jobFields(job: Job): Record<string, unknown> {
  const { name: _, kind, ...fields } = job;
  return { ...(kind === 'backup' ? {} : { kind }), ...fields };
}
