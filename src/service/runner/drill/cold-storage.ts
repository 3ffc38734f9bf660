import type { DestinationAccess } from '../destination-access.ts';

/** Classes and tiers that are slow or cost money to read. */
const cold =
  /^(?:glacier|glacier_ir|deep_archive|archive|coldline|nearline|cold|cool|standard_ia|onezone_ia|intelligent_tiering)$/iu;
const option = /(?:storage-class|access-tier|blob-tier|^tier)$/u;

/**
 * The storage class or tier that a destination is written with, if reading from it is slow or costs money. It is known from the options of the job, the URL and
 * the environment; that a rule of the bucket moves objects later nobody tells us.
 */
export function coldStorageOf(
  { url, destination, environment }: Pick<DestinationAccess, 'url' | 'destination' | 'environment'>,
  outside: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const query = new URLSearchParams(/\?(.*)$/su.exec(url)?.[1] ?? '');
  const scheme = /^([a-z][a-z0-9]*)/iu.exec(url)?.[1]?.toUpperCase() ?? '';
  const given: (readonly [string, string])[] = [
    ...query,
    ...(environment['HOLDFAST_OPTION'] ?? '').split('\n').map((line): [string, string] => {
      const equals = line.indexOf('=');
      return [line.slice(0, Math.max(0, equals)), line.slice(equals + 1)];
    }),
    ...Object.entries({ ...outside, ...environment }).flatMap(([name, value = '']) =>
      name.startsWith(`HOLDFAST_${scheme}_`)
        ? [
            [
              name
                .slice(10 + scheme.length)
                .toLowerCase()
                .replaceAll('_', '-'),
              value,
            ] as const,
          ]
        : [],
    ),
    ...Object.entries(destination.flags ?? {}).map(
      ([name, value]) => [name, String(value)] as const,
    ),
  ];
  return given.find(([name, value]) => option.test(name) && cold.test(value))?.[1];
}
