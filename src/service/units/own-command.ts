import { type Activity, type Job } from '../../model/job.ts';

/** How this program is called from outside. */
export interface OwnCommand {
  /** Its whole path, and arguments that stand before the command. */
  readonly program: readonly string[];
  /** The configuration; `undefined` for jobs that are in the catalog alone. */
  readonly configurationFile: string | undefined;
}

/** What runs an activity of a job once. */
export function jobRunCommand(
  { program, configurationFile }: OwnCommand,
  { name, kind }: Pick<Job, 'name' | 'kind'>,
  activity: Activity,
): readonly string[] {
  return [
    ...program,
    'job',
    'run',
    name,
    ...(activity === kind ? [] : ['--activity', activity]),
    ...(configurationFile === undefined ? [] : ['--config', configurationFile]),
  ];
}

/** What runs all jobs at their time. */
export function serverCommand({ program, configurationFile }: OwnCommand): readonly string[] {
  return [
    ...program,
    'server',
    ...(configurationFile === undefined ? [] : ['--config', configurationFile]),
  ];
}
