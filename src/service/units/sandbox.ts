import path from 'node:path';

import { PUBLIC_STATUS_FILE } from '../status/read-status-file.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job, JobDestination } from '../../model/job.ts';
import { meantDestination } from '../../model/named-destination.ts';
import { unitWord } from './unit-text.ts';

/** What jobs have to be able to do, seen from outside. */
export interface SandboxNeeds {
  /** They run commands of the user, or tools of databases, of which nobody knows what they need. */
  readonly runsCommands: boolean;
  /** Directories that are written, besides those for state and cache. */
  readonly writes: readonly string[];
  /** What is read lies in the temporary directories, or is written there. */
  readonly usesTemporary: boolean;
  readonly readsDevices: boolean;
  /** They speak to a container engine, whose socket may be somebody else's. */
  readonly stopsContainers: boolean;
}

export interface SandboxPlaces {
  readonly stateDirectory: string;
  readonly cacheDirectory: string;
  /** What the user adds. */
  readonly writable: readonly string[];
}

export const defaultStateDirectory = '/var/lib/holdfast';
export const defaultCacheDirectory = '/var/cache/holdfast';

/** What some jobs of a configuration need. */
export function sandboxNeeds(jobs: readonly Job[], configuration: Configuration): SandboxNeeds {
  const { settings } = configuration;
  const writes = new Set<string>();
  for (const file of [settings.statusFile, settings.metricsFile])
    if (file !== undefined && path.isAbsolute(file)) writes.add(path.dirname(file));
  for (const job of jobs) for (const place of writesOf(job, configuration)) writes.add(place);
  const sources = jobs.flatMap((job) => (job.kind === 'backup' ? (job.sources ?? []) : []));
  const touches = (place: string): boolean =>
    sources.some((source) => isWithin(place, source) || isWithin(source, place));
  return {
    runsCommands: jobs.some(runsCommands) || (settings.hooks ?? []).length > 0,
    writes: [...writes].sort(),
    usesTemporary: ['/tmp', '/var/tmp'].some(
      (place) => touches(place) || [...writes].some((written) => isWithin(written, place)),
    ),
    readsDevices: touches('/dev'),
    stopsContainers: jobs.some((job) => job.containers !== undefined),
  };
}

/** The lines of `[Service]` that take away what the work does not need. Those of root's own manager only: others may not. */
export function sandboxLines(
  needs: SandboxNeeds,
  places: SandboxPlaces,
  { isServer }: { readonly isServer: boolean },
): readonly (readonly [string, string])[] {
  const { stateDirectory, cacheDirectory } = places;
  const isDefault = stateDirectory === defaultStateDirectory;
  const directories: readonly (readonly [string, string])[] = [
    // Others may open the status by its name, and see nothing else.
    [
      'StateDirectory',
      `${isDefault ? 'holdfast ' : ''}${path.basename(path.dirname(PUBLIC_STATUS_FILE))}`,
    ],
    ['StateDirectoryMode', '0711'],
    ...(cacheDirectory === defaultCacheDirectory
      ? ([
          ['CacheDirectory', 'holdfast'],
          ['CacheDirectoryMode', '0700'],
        ] as const)
      : []),
  ];
  if (needs.runsCommands) {
    return [
      ...directories,
      [
        '',
        'Commands of jobs may need anything, so little is taken away here. Narrow it down in a drop-in.',
      ],
      ['LockPersonality', 'yes'],
      ['RestrictRealtime', 'yes'],
    ];
  }
  const writes = [
    ...(isDefault ? [] : [stateDirectory]),
    ...(cacheDirectory === defaultCacheDirectory ? [] : [cacheDirectory]),
    ...needs.writes,
    ...places.writable,
  ];
  // A restore gives files their owners back.
  const restores = isServer || places.writable.length > 0;
  const capabilities = [
    'CAP_DAC_READ_SEARCH',
    ...(writes.length > 0 || needs.stopsContainers ? ['CAP_DAC_OVERRIDE'] : []),
    'CAP_FOWNER',
    ...(restores ? ['CAP_CHOWN', 'CAP_FSETID', 'CAP_MKNOD', 'CAP_SETFCAP'] : []),
  ];
  return [
    ...directories,
    ['', 'Everything can be read and nothing written but this.'],
    // Where it would otherwise be kept, in the home directory of root, nothing can be written; without it each start takes twice as long.
    ['Environment', unitWord(`NODE_COMPILE_CACHE=${path.join(cacheDirectory, 'code')}`)],
    ['ProtectSystem', 'strict'],
    ['ProtectHome', 'read-only'],
    ...(writes.length === 0
      ? []
      : ([
          ['ReadWritePaths', [...new Set(writes)].map((place) => unitWord(`-${place}`)).join(' ')],
        ] as const)),
    ['CapabilityBoundingSet', capabilities.join(' ')],
    ['AmbientCapabilities', ''],
    ['NoNewPrivileges', 'yes'],
    ['PrivateTmp', needs.usesTemporary ? 'no' : 'yes'],
    ['PrivateDevices', needs.readsDevices || restores ? 'no' : 'yes'],
    ['ProtectClock', 'yes'],
    ['ProtectControlGroups', 'yes'],
    ['ProtectHostname', 'yes'],
    ['ProtectKernelLogs', 'yes'],
    ['ProtectKernelModules', 'yes'],
    ['ProtectKernelTunables', 'yes'],
    ['LockPersonality', 'yes'],
    ['RestrictAddressFamilies', 'AF_UNIX AF_INET AF_INET6 AF_NETLINK'],
    ['RestrictNamespaces', 'yes'],
    ['RestrictRealtime', 'yes'],
    ['RestrictSUIDSGID', restores ? 'no' : 'yes'],
    ['SystemCallArchitectures', 'native'],
    ['SystemCallFilter', '@system-service'],
    ['SystemCallErrorNumber', 'EPERM'],
    ['UMask', '0077'],
  ];
}

function runsCommands(job: Job): boolean {
  if (job.kind !== 'backup') return true;
  return (job.hooks ?? []).length > 0 || (job.databases ?? []).length > 0;
}

function writesOf(job: Job, configuration: Configuration): readonly string[] {
  if (job.kind !== 'backup') return [];
  const drill = job.drill?.directory;
  return [
    ...job.destinations.flatMap((destination) =>
      localPath(meantDestination(destination, configuration)),
    ),
    ...(drill === undefined ? [] : [drill]),
  ];
}

/** The directory of a destination on this machine. */
function localPath({ url }: JobDestination): readonly string[] {
  if (typeof url !== 'string') return [];
  if (url.startsWith('/')) return [path.normalize(url)];
  const file = /^file:\/\/(\/[^?#]*)/u.exec(url)?.[1];
  return file === undefined ? [] : [path.normalize(decodeURIComponent(file))];
}

function isWithin(place: string, parent: string): boolean {
  const relative = path.relative(parent, place);
  return relative === '' || (relative !== '..' && !relative.startsWith('../'));
}
