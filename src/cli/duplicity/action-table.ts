/** What can be done, and how it is written: in full, by a beginning that no other action has, or by two letters. */
export interface ActionSpec {
  readonly name: ActionName;
  /** What duplicity 2 and later also call it. */
  readonly aliases: readonly string[];
  /** What stands behind it. */
  readonly arguments: readonly ('source' | 'url' | 'target' | 'time' | 'count')[];
}

export type ActionName =
  | 'backup'
  | 'full'
  | 'incremental'
  | 'restore'
  | 'verify'
  | 'collection-status'
  | 'list-current-files'
  | 'remove-older-than'
  | 'remove-all-but-n-full'
  | 'remove-all-inc-of-but-n-full'
  | 'cleanup'
  | 'replicate';

export const actions: readonly ActionSpec[] = [
  { name: 'cleanup', aliases: ['cl'], arguments: ['url'] },
  { name: 'collection-status', aliases: ['st'], arguments: ['url'] },
  { name: 'full', aliases: ['fb'], arguments: ['source', 'url'] },
  { name: 'incremental', aliases: ['incr', 'inc', 'ib'], arguments: ['source', 'url'] },
  { name: 'list-current-files', aliases: ['ls'], arguments: ['url'] },
  { name: 'remove-older-than', aliases: ['ro'], arguments: ['time', 'url'] },
  { name: 'remove-all-but-n-full', aliases: ['ra'], arguments: ['count', 'url'] },
  { name: 'remove-all-inc-of-but-n-full', aliases: ['ri'], arguments: ['count', 'url'] },
  { name: 'restore', aliases: ['rb'], arguments: ['url', 'target'] },
  { name: 'verify', aliases: ['vb'], arguments: ['url', 'target'] },
  { name: 'replicate', aliases: [], arguments: ['url', 'url'] },
  { name: 'backup', aliases: ['bu'], arguments: ['source', 'url'] },
];

/** The actions that a word may stand for: none, one, or several that begin with it. */
export function actionsFor(word: string): readonly ActionSpec[] {
  const exact = actions.find(({ name, aliases }) => name === word || aliases.includes(word));
  if (exact !== undefined) return [exact];
  return word === '' ? [] : actions.filter(({ name }) => name.startsWith(word));
}
