import type { CommandDefinition } from './command.ts';
import { backup } from './definitions/backup.ts';
import {
  charmConfiguration,
  charmGenerate,
  charmHook,
  charmStatusCommand,
  runAction,
} from './definitions/charm.ts';
import {
  configGenerate,
  configSchema,
  configShow,
  configValidate,
} from './definitions/configuration.ts';
import { executeRestore, jobrunner, taskList, taskRun, taskShow } from './definitions/container.ts';
import { catalogCopy, catalogInfo, catalogRekey } from './definitions/catalog.ts';
import { destinationList, destinationTest } from './definitions/destination.ts';
import { forget } from './definitions/forget.ts';
import { cat, diff, find, ls, snapshots, stats } from './definitions/looking.ts';
import { notifyList, notifyOutbox, notifyTest } from './definitions/notify.ts';
import {
  completion,
  copy,
  init,
  keyAdd,
  keyExport,
  keyList,
  keyPassphrase,
  keyRemove,
} from './definitions/repository.ts';
import { restoreDatabase } from './definitions/restore-database.ts';
import { restore } from './definitions/restore.ts';
import {
  drill,
  jobAdd,
  jobCancel,
  jobDisable,
  jobEnable,
  jobExport,
  jobHistory,
  jobImport,
  jobList,
  jobLog,
  jobRemove,
  jobRun,
  jobShow,
} from './definitions/job.ts';
import { server } from './definitions/server.ts';
import {
  cronInstall,
  cronPrint,
  cronRemove,
  systemdInstall,
  systemdPrint,
  systemdRemove,
} from './definitions/units.ts';
import { check, prune, rebuildIndex } from './definitions/upkeep.ts';
import {
  monitorHealth,
  monitorMetrics,
  monitorNrpeInstall,
  monitorNrpeRemove,
  monitorStatus,
} from './definitions/monitor.ts';
import { monitorNagios } from './definitions/monitor-nagios.ts';
import { scheduleExplain, scheduleNext, scheduleSkip } from './definitions/schedule.ts';

/** Every command, in the order of the help. */
export const commandTable: readonly CommandDefinition[] = [
  init,
  backup,
  snapshots,
  ls,
  find,
  diff,
  cat,
  restore,
  restoreDatabase,
  check,
  drill,
  forget,
  prune,
  copy,
  stats,
  rebuildIndex,
  keyList,
  keyAdd,
  keyRemove,
  keyPassphrase,
  keyExport,
  destinationTest,
  destinationList,
  server,
  configValidate,
  configShow,
  configGenerate,
  configSchema,
  jobList,
  jobShow,
  jobRun,
  jobHistory,
  jobLog,
  jobCancel,
  jobAdd,
  jobRemove,
  jobEnable,
  jobDisable,
  jobExport,
  jobImport,
  scheduleNext,
  scheduleSkip,
  scheduleExplain,
  notifyTest,
  notifyList,
  notifyOutbox,
  monitorStatus,
  monitorNagios,
  monitorMetrics,
  monitorHealth,
  monitorNrpeInstall,
  monitorNrpeRemove,
  catalogInfo,
  catalogRekey,
  catalogCopy,
  systemdPrint,
  systemdInstall,
  systemdRemove,
  cronPrint,
  cronInstall,
  cronRemove,
  jobrunner,
  taskRun,
  taskList,
  taskShow,
  executeRestore,
  runAction,
  charmStatusCommand,
  charmConfiguration,
  charmGenerate,
  charmHook,
  completion,
];
