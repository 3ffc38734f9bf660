import type { CommandSession } from './session.ts';

/** A file under `commands/`. Its `run` has the input type of its definition; `runCommandLine` sees to it that it gets that. */
export interface CommandModule {
  readonly run: (input: never, session: CommandSession) => Promise<number>;
}

/** Where each command is, loaded only when it runs, so that no command pays for the engine of another. */
export const bindings: Readonly<Record<string, () => Promise<CommandModule>>> = {
  init: () => import('./commands/init.ts'),
  backup: () => import('./commands/backup.ts'),
  snapshots: () => import('./commands/snapshots.ts'),
  restore: () => import('./commands/restore.ts'),
  check: () => import('./commands/check.ts'),
  forget: () => import('./commands/forget.ts'),
  prune: () => import('./commands/prune.ts'),
  stats: () => import('./commands/stats.ts'),
  'rebuild-index': () => import('./commands/rebuild-index.ts'),
  completion: () => import('./commands/completion.ts'),
};
