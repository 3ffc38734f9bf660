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
  'restore-database': () => import('./commands/restore-database.ts'),
  check: () => import('./commands/check.ts'),
  forget: () => import('./commands/forget.ts'),
  prune: () => import('./commands/prune.ts'),
  stats: () => import('./commands/stats.ts'),
  'rebuild-index': () => import('./commands/rebuild-index.ts'),
  ls: () => import('./commands/ls.ts'),
  find: () => import('./commands/find.ts'),
  diff: () => import('./commands/diff.ts'),
  cat: () => import('./commands/cat.ts'),
  copy: () => import('./commands/copy.ts'),
  'key list': () => import('./commands/key-list.ts'),
  'key add': () => import('./commands/key-add.ts'),
  'key remove': () => import('./commands/key-remove.ts'),
  'key passphrase': () => import('./commands/key-passphrase.ts'),
  'key export': () => import('./commands/key-export.ts'),
  'destination test': () => import('./commands/destination-test.ts'),
  'destination list': () => import('./commands/destination-list.ts'),
  'config validate': () => import('./commands/config-validate.ts'),
  'config show': () => import('./commands/config-show.ts'),
  'config generate': () => import('./commands/config-generate.ts'),
  'config schema': () => import('./commands/config-schema.ts'),
  'charm status': () => import('./commands/charm-status.ts'),
  'charm config': () => import('./commands/charm-config.ts'),
  'charm generate': () => import('./commands/charm-generate.ts'),
  server: () => import('./commands/server.ts'),
  'schedule next': () => import('./commands/schedule-next.ts'),
  'schedule skip': () => import('./commands/schedule-skip.ts'),
  'schedule explain': () => import('./commands/schedule-explain.ts'),
  'monitor status': () => import('./commands/monitor-status.ts'),
  'monitor nagios': () => import('./commands/monitor-nagios.ts'),
  'monitor metrics': () => import('./commands/monitor-metrics.ts'),
  'monitor health': () => import('./commands/monitor-health.ts'),
  'monitor nrpe-install': () => import('./commands/monitor-nrpe-install.ts'),
  'monitor nrpe-remove': () => import('./commands/monitor-nrpe-remove.ts'),
  completion: () => import('./commands/completion.ts'),
};
