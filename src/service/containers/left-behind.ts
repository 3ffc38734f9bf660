import type { CallOptions } from '../../base/call-options.ts';
import { isDead, type ProcessIdentity } from '../../base/process-identity.ts';
import type { Catalog, JournalEntry } from '../../catalog/catalog.ts';
import { isOver } from '../../model/run.ts';
import type { DockerClient } from './docker-client.ts';
import { readStoppedContainers } from './stopped-containers.ts';

export interface LeftBehindContext extends CallOptions {
  readonly host: string;
  readonly now: number;
  readonly runs: Pick<Catalog['runs'], 'get'>;
  readonly connect: () => Promise<DockerClient>;
}

/**
 * Whether the containers of an entry are to be started by whoever finds it: who has stopped them is gone, or has lost the run or ended it; and they are of this machine. Whether a run is at
 * work is not to be known otherwise: it may have begun a moment ago.
 */
export async function isLeftBehind(
  { host, run, data }: JournalEntry,
  { host: ownHost, now, runs, connect, signal }: LeftBehindContext,
): Promise<boolean> {
  const { items, process, notBefore } = readStoppedContainers(data);
  if (process !== undefined && isDead(process)) return true;
  if (now < notBefore) return false;
  const record = await runs.get(run, { signal });
  const isTaken =
    record?.worker !== undefined && (process === undefined || !isSame(record.worker, process));
  if (record !== undefined && !isOver(record) && !isTaken) return false;
  if (host === ownHost) return true;
  // A container that is made anew is called differently each time.
  const client = await connect();
  for (const { kind, id } of items)
    if (kind === 'container' && (await client.inspect(id, { signal })) !== undefined) return true;
  return false;
}

const isSame = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.host === other.host && one.pid === other.pid && one.startTicks === other.startTicks;
