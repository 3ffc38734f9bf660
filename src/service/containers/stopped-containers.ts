import type { ProcessIdentity } from '../../base/process-identity.ts';
import type { JournalEntry } from '../../catalog/catalog.ts';
import { fieldsOf, listOf, numberOf, textOf } from './answer-fields.ts';

/** The kind of entries in the journal that name stopped containers. */
export const stoppedContainersKind = 'containers-stopped';

/** What was stopped for a run and has to be started again, as it stands in the journal. */
export interface StoppedContainers {
  /** The engine, for people. */
  readonly engine: string;
  readonly stoppedAt: number;
  /** Milliseconds. */
  readonly startTimeout: number;
  readonly job: string;
  /** Who has stopped it. */
  readonly process?: ProcessIdentity;
  /** Until then a call to stop that nobody has waited for may still have its effect; 0 when all have been answered. */
  readonly stopsUntil: number;
  /** How often it was tried in vain to start them, and when it is tried again by a process that lives on. */
  readonly attempts: number;
  readonly notBefore: number;
  /** Whether commands of labels were run before, so that those for afterwards have to be run too. */
  readonly ranCommands: boolean;
  /** In the order in which they were stopped. */
  readonly items: readonly StoppedItem[];
}

/** A container or a service of a swarm. */
export interface StoppedItem {
  readonly kind: 'container' | 'service';
  readonly id: string;
  readonly name: string;
  /** Stopped together with the others of this number. */
  readonly group: number;
  /** Others wait until it is healthy. */
  readonly isNeeded: boolean;
  /** The labels of Compose by which it is found again after it was made anew. */
  readonly project?: string;
  readonly service?: string;
  readonly number?: string;
  /** How many there were of the service. */
  readonly replicas?: number;
}

export function writeStoppedContainers(stopped: StoppedContainers): JournalEntry['data'] {
  return { ...stopped };
}

/** Reads an entry of the journal; what is not understood of it is left out. */
export function readStoppedContainers(data: JournalEntry['data']): StoppedContainers {
  return {
    engine: textOf(data['engine']),
    stoppedAt: numberOf(data['stoppedAt']) ?? 0,
    startTimeout: numberOf(data['startTimeout']) ?? 0,
    job: textOf(data['job']),
    ...processOf(data['process']),
    stopsUntil: numberOf(data['stopsUntil']) ?? 0,
    attempts: numberOf(data['attempts']) ?? 0,
    notBefore: numberOf(data['notBefore']) ?? 0,
    ranCommands: data['ranCommands'] === true,
    items: listOf(data['items'])
      .map(readItem)
      .filter(({ id }) => id !== ''),
  };
}

function processOf(value: unknown): Pick<StoppedContainers, 'process'> {
  const fields = fieldsOf(value);
  const pid = numberOf(fields['pid']);
  if (pid === undefined) return {};
  const { machine, namespace } = fields;
  return {
    process: {
      id: textOf(fields['id']),
      host: textOf(fields['host']),
      pid,
      bootId: textOf(fields['bootId']),
      startTicks: numberOf(fields['startTicks']) ?? 0,
      ...(typeof machine === 'string' && { machine }),
      ...(typeof namespace === 'string' && { namespace }),
    },
  };
}

function readItem(value: unknown): StoppedItem {
  const fields = fieldsOf(value);
  const optional = (name: 'project' | 'service' | 'number'): Partial<StoppedItem> =>
    textOf(fields[name]) === '' ? {} : { [name]: textOf(fields[name]) };
  const replicas = numberOf(fields['replicas']);
  return {
    kind: fields['kind'] === 'service' ? 'service' : 'container',
    id: textOf(fields['id']),
    name: textOf(fields['name']),
    group: numberOf(fields['group']) ?? 0,
    isNeeded: fields['isNeeded'] === true,
    ...optional('project'),
    ...optional('service'),
    ...optional('number'),
    ...(replicas !== undefined && { replicas }),
  };
}
