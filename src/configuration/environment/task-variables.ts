import { parseDuration } from '../../base/duration.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { type TaskJob, type TaskStep, taskSteps } from '../../model/job.ts';
import { checkedCron, never, type Periodicities, taskPeriodicities } from './crontab-variables.ts';
import { type EnvironmentReader, nearestOf, unquoted, variable } from './environment-reader.ts';

/** What may stand behind `TASK_<id>_`. `SHELL` and `TIMEOUT` are ours. */
const fields = [
  'CRONTAB',
  'PERIODICITY',
  'RESTORE',
  'PREPARE',
  'EXTRACT',
  'TRANSFORM',
  'LOAD',
  'SUCCEED',
  'FAILED',
  'FINALLY',
  'SHELL',
  'TIMEOUT',
] as const;
type Field = (typeof fields)[number];

/** What tasks have in their environment is no task. */
const ofSteps = new Set([
  'TASK_ID',
  'TASK_STEP',
  'TASK_RESULT',
  'TASK_FAILED_STEP',
  'TASK_EXIT_CODE',
  'TASK_ERROR',
]);

type Given = Partial<Record<Field, string>>;

/** The jobs of `TASK_<id>_<FIELD>`, in the order of their ids. @throws AppError `input/invalid` that names the variable */
export function tasksOf(reader: EnvironmentReader, crontabs: Periodicities): readonly TaskJob[] {
  const periodicities = taskPeriodicities(crontabs);
  return [...givenTasks(reader)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, given]) => taskOf(id, given, reader, periodicities));
}

function givenTasks(reader: EnvironmentReader): ReadonlyMap<string, Given> {
  const tasks = new Map<string, Given>();
  for (const [name, value] of Object.entries(reader.environment)) {
    if (value === undefined || ofSteps.has(name) || name.endsWith('_FILE')) continue;
    const [, id, field] = /^TASK_(.+)_([^_]*)$/u.exec(name) ?? [];
    if (id === undefined || field === undefined) continue;
    if (!(fields as readonly string[]).includes(field)) {
      const nearest = nearestOf(field, fields).replace(/"(\w+)"/u, `"TASK_${id}_$1"`);
      reader.warn(`There is no variable "${name}" of tasks${nearest}`);
      continue;
    }
    tasks.set(id, { ...tasks.get(id), [field]: value });
  }
  return tasks;
}

function taskOf(
  id: string,
  given: Given,
  reader: EnvironmentReader,
  periodicities: Periodicities,
): TaskJob {
  const steps: Partial<Record<TaskStep, string>> = {};
  for (const step of taskSteps) {
    const field = step.toUpperCase() as Field;
    const code = given[field];
    if (code !== undefined && code.trim() !== '')
      steps[step] = stepCode(`TASK_${id}_${field}`, code, reader);
  }
  if (Object.keys(steps).length === 0) {
    throw new AppError('input/invalid', `The task "${id}" has no step: it would do nothing`, {
      hint: `Set TASK_${id}_LOAD to what it does`,
    });
  }
  if (steps.load === undefined)
    reader.warn(`The task "${id}" has no "TASK_${id}_LOAD": nothing is stored by it`);
  const schedule = schedulesOf(id, given, periodicities);
  const restore = textOf(given.RESTORE);
  if (schedule.length === 0 && restore === undefined && !isManual(given))
    reader.warn(
      `The task "${id}" runs only by hand: it has none of CRONTAB, PERIODICITY and RESTORE`,
    );
  const periodicity = textOf(given.PERIODICITY)?.toLowerCase();
  const workDirectory = variable('CONF_WORK_DIR', reader);
  return {
    kind: 'task',
    name: id,
    steps,
    ...(schedule.length === 1 && { schedule: schedule[0]! }),
    ...(schedule.length > 1 && { schedule }),
    // Those of one periodicity run one after the other.
    ...(periodicity !== undefined && !never.has(periodicity) && { queue: `tasks-${periodicity}` }),
    ...(restore !== undefined && { restore: checkedPrefix(id, restore) }),
    ...(workDirectory !== undefined && { workDirectory }),
    ...shellOf(id, given),
    ...limitOf(id, given),
  };
}

/** A step that is quoted as a whole would only be a command of a strange name: the quotes are left over from where it was written. */
function stepCode(name: string, code: string, reader: EnvironmentReader): string {
  const inner = unquoted(code);
  if (inner === code.trim() || !/\s/u.test(inner)) return code;
  reader.warn(`The quotes around all of "${name}" are left out`);
  return inner;
}

function schedulesOf(id: string, given: Given, periodicities: Periodicities): readonly string[] {
  const schedules: string[] = [];
  const crontab = textOf(given.CRONTAB);
  if (crontab !== undefined && !never.has(crontab.toLowerCase()))
    schedules.push(checkedCron(`TASK_${id}_CRONTAB`, crontab));
  const periodicity = textOf(given.PERIODICITY)?.toLowerCase();
  if (periodicity !== undefined && !never.has(periodicity)) {
    if (!periodicities.has(periodicity)) {
      const nearest = nearestOf(periodicity, [...periodicities.keys(), ...never]);
      throw new AppError(
        'input/invalid',
        `TASK_${id}_PERIODICITY: there is no periodicity "${periodicity}"${nearest}`,
        { hint: `Make one with CRONTAB_${periodicity.toUpperCase()}` },
      );
    }
    const expression = periodicities.get(periodicity);
    if (expression !== undefined) schedules.push(expression);
  }
  return [...new Set(schedules)];
}

/** Whether somebody said that it is not to run by itself. */
const isManual = (given: Given): boolean =>
  [given.CRONTAB, given.PERIODICITY].some(
    (text) => text !== undefined && never.has(unquoted(text).toLowerCase()),
  );

function textOf(value: string | undefined): string | undefined {
  const text = value === undefined ? '' : unquoted(value).trim();
  return text === '' ? undefined : text;
}

/** It becomes part of the name of a file. */
function checkedPrefix(id: string, prefix: string): string {
  if (/^[\w.-]{1,100}$/u.test(prefix)) return prefix;
  throw new AppError(
    'input/invalid',
    `TASK_${id}_RESTORE: "${prefix}" cannot begin the name of a file`,
    { hint: 'Use letters, digits, ".", "_" and "-"' },
  );
}

function shellOf(id: string, { SHELL }: Given): Pick<TaskJob, 'shell'> {
  const shell = textOf(SHELL)?.toLowerCase();
  if (shell === undefined) return {};
  if (shell === 'strict' || shell === 'plain') return { shell };
  throw new AppError('input/invalid', `TASK_${id}_SHELL: "${shell}" is not "strict" or "plain"`);
}

function limitOf(id: string, { TIMEOUT }: Given): Pick<TaskJob, 'stepTimeout'> {
  const stepTimeout = textOf(TIMEOUT);
  if (stepTimeout === undefined) return {};
  try {
    parseDuration(stepTimeout);
  } catch (cause) {
    throw new AppError('input/invalid', `TASK_${id}_TIMEOUT: ${messageOf(cause)}`, { cause });
  }
  return { stepTimeout };
}
