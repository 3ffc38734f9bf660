import type { StepKind, StepRecord } from './run.ts';

const prepositions: Readonly<Partial<Record<StepKind, string>>> = {
  backup: 'to',
  dump: 'to',
  restore: 'from',
  drill: 'from',
};

/** What a step does and where, for people: `backup to /mnt/disk`, `retention at /mnt/disk`. */
export function placedStep({
  name,
  kind,
  destination,
}: Pick<StepRecord, 'name' | 'kind' | 'destination'>): string {
  return destination === undefined ? name : `${name} ${prepositions[kind] ?? 'at'} ${destination}`;
}
