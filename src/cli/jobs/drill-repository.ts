import { systemRandom } from '../../base/random.ts';
import { toHex } from '../../base/bytes.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { BackupJob } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { executeWork } from '../../service/runner/execute-run.ts';
import type { ServiceFlagValues } from '../open-catalog.ts';
import type { CommandSession } from '../session.ts';
import { runnerContext } from './run-here.ts';
import { runExitStatus, runRecord } from './run-text.ts';

/** A drill of a repository that no job is about: the result is shown, and not in the history. Gives the exit status. */
export async function drillRepository(
  url: string,
  parameters: Readonly<Record<string, string>>,
  catalog: Catalog,
  flags: ServiceFlagValues,
  session: CommandSession,
): Promise<number> {
  const { clock, signal, output } = session;
  const context = await runnerContext(catalog, flags, session);
  const job: BackupJob = {
    kind: 'backup',
    name: 'drill',
    destinations: [{ url, unencrypted: flags['insecure-no-passphrase'] }],
  };
  const now = clock.now();
  const run: Run = {
    id: `drill-${toHex(systemRandom(6))}`,
    job: job.name,
    activity: 'drill',
    trigger: 'manual',
    queuedAt: now,
    startedAt: now,
    state: 'running',
    steps: [],
    parameters,
    priority: 50,
    keys: [],
  };
  const configuration = await catalog.configuration.read({ signal });
  const { settings } = configuration;
  const alone = { jobs: [job], destinations: {}, channels: {}, periodicities: {}, settings };
  const signals = { signal, lasting: new AbortController().signal };
  const { outcome, ...end } = await executeWork(run, job, alone, context, signals);
  const over: Run = { ...run, ...end, state: outcome, finishedAt: clock.now() };
  output.object(runRecord(over));
  const reason = over.reason === undefined ? '' : `: ${over.reason}`;
  output.line(`drill of "${url}" ${outcome}${reason}`);
  return runExitStatus(over);
}
