/**
 * Loaded into Azurite before its own program: it keeps what it knows of objects in memory and writes it down every five seconds, so that a
 * crash would lose more than the real service. On SIGUSR2 it writes, and then ends as by a crash: with requests unanswered. Its number is in the file
 * `pid` of its directory.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Database {
  saveDatabase(done: (error?: unknown) => void): void;
}

interface DatabaseClass {
  readonly prototype: { autosaveEnable(this: Database, ...parameters: unknown[]): unknown };
}

// oxlint-disable-next-line no-unsafe-type-assertion
const Loki = createRequire(process.argv[1] ?? import.meta.filename)('lokijs') as DatabaseClass;
const databases = new Set<Database>();
const enable = Loki.prototype.autosaveEnable;
Loki.prototype.autosaveEnable = function autosaveEnable(...parameters) {
  databases.add(this);
  return enable.apply(this, parameters);
};

process.on('SIGUSR2', () => {
  const saved = Array.from(
    databases,
    (database) => new Promise<void>((resolve) => database.saveDatabase(() => resolve())),
  );
  void Promise.all(saved).then(() => process.kill(process.pid, 'SIGKILL'));
});

writeFileSync('pid', String(process.pid));
