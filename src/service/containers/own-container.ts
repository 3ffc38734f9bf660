import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';

import type { ContainerDetails } from './container-details.ts';

/** What tells which container this program runs in, if it does. */
export interface OwnContainer {
  /** Its id, as far as the kernel shows it. */
  readonly ids: readonly string[];
  /** Its host name, if it runs in a container whose id is hidden. */
  readonly hostname?: string;
}

/** Where the traces of a container lie; others in tests. */
export interface OwnContainerTraces {
  readonly cgroup: string;
  readonly mountinfo: string;
  readonly hostname: string;
  readonly isInside: boolean;
}

/** Reads what the kernel and the engine leave in a container. */
async function readOwnContainerTraces(): Promise<OwnContainerTraces> {
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const isThere = (file: string): Promise<boolean> =>
    stat(file).then(
      () => true,
      () => false,
    );
  const [cgroup, mountinfo, docker, podman] = await Promise.all([
    read('/proc/self/cgroup'),
    read('/proc/self/mountinfo'),
    isThere('/.dockerenv'),
    isThere('/run/.containerenv'),
  ]);
  return { cgroup, mountinfo, hostname: hostname(), isInside: docker || podman };
}

/** Which container these traces are of; without ids and name outside of one. */
export function ownContainerOf(traces: OwnContainerTraces): OwnContainer {
  const fromCgroup = traces.cgroup
    .split('\n')
    .flatMap((line) => /[/-]([0-9a-f]{64})(?:\.scope)?(?:\/|$)/u.exec(line)?.slice(1, 2) ?? []);
  // Engines mount these three files from the directory of the container; other mounts may be of other containers.
  const fromMounts = traces.mountinfo
    .split('\n')
    .flatMap(
      (line) =>
        /\/([0-9a-f]{64})\/\S* \/etc\/(?:hostname|hosts|resolv\.conf) /u.exec(line)?.slice(1, 2) ??
        [],
    );
  const ids = [...new Set([...fromCgroup, ...fromMounts])];
  return { ids, ...(traces.isInside && { hostname: traces.hostname }) };
}

/** Which container this program runs in. */
export async function findOwnContainer(): Promise<OwnContainer> {
  return ownContainerOf(await readOwnContainerTraces());
}

/** Whether a container is the one that this program runs in. */
export function isOwnContainer(own: OwnContainer, container: ContainerDetails): boolean {
  if (own.ids.includes(container.id)) return true;
  if (own.hostname === undefined) return false;
  // The host name is the beginning of the id unless somebody chose another; on the host's network it is the host's.
  if (/^[0-9a-f]{12}$/u.test(own.hostname) && container.id.startsWith(own.hostname)) return true;
  return (
    own.ids.length === 0 && container.networkMode !== 'host' && container.hostname === own.hostname
  );
}
