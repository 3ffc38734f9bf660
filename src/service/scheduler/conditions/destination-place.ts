import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CallOptions } from '../../../base/call-options.ts';
import { messageOf, systemCodeOf } from '../../../base/errors.ts';
import type { HostPlaces } from './host-places.ts';
import { readIfThere } from './read-if-there.ts';

/**
 * Why a destination on a disk is not there, as a sentence: its directory is not, or it lies where `/etc/fstab` wants a file system that is not mounted (an
 * empty mount point is not the disk). `undefined` if it is there, and for destinations elsewhere, which are not looked for.
 */
export async function reasonAbsent(
  address: string,
  places: Pick<HostPlaces, 'mounts' | 'fileSystems'>,
  options: CallOptions,
): Promise<string | undefined> {
  const place = pathOf(address);
  if (place === undefined) return undefined;
  try {
    // This also makes an automounter mount it.
    await stat(place);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') return `Cannot look at "${place}": ${messageOf(error)}`;
    return `"${place}" is not there`;
  }
  const wanted = await mountPointOf(place, places.fileSystems, options);
  if (wanted === undefined) return undefined;
  const mounted = mountPoints(await readIfThere(places.mounts, options), 4);
  return mounted.length === 0 || mounted.includes(wanted)
    ? undefined
    : `Nothing is mounted at "${wanted}"`;
}

function pathOf(address: string): string | undefined {
  if (/^file:\/\//iu.test(address)) {
    try {
      return fileURLToPath(address.replace(/[?#].*$/u, ''));
    } catch {
      return undefined;
    }
  }
  return path.isAbsolute(address) ? path.normalize(address) : undefined;
}

/** The mount point of the table of file systems that is nearest above a path, but the root. */
async function mountPointOf(
  place: string,
  table: string,
  options: CallOptions,
): Promise<string | undefined> {
  const candidates = mountPoints(await readIfThere(table, options), 1)
    .filter((point) => point.startsWith('/') && point !== '/')
    .filter((point) => place === point || place.startsWith(`${point}/`))
    .sort((left, right) => right.length - left.length);
  for (const point of candidates) {
    // A table that names what was never made says nothing about this path.
    if (
      await lstat(point).then(
        () => true,
        () => false,
      )
    )
      return point;
  }
  return undefined;
}

/** A column of such a table, with what stands for blanks put back. */
function mountPoints(text: string | undefined, column: number): string[] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
    .map((line) => line.trim().split(/\s+/u)[column] ?? '')
    .map((point) =>
      point.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) =>
        String.fromCodePoint(Number.parseInt(octal, 8)),
      ),
    )
    .map((point) => (point.length > 1 ? point.replace(/\/+$/u, '') : point));
}
