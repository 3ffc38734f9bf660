import type { CallOptions } from '../../base/call-options.ts';
import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { failureOf } from '../../base/process.ts';
import { isActive } from './container-details.ts';
import { runInContainer } from './container-exec.ts';
import type { DockerClient } from './docker-client.ts';

export type CommandPhase = 'before' | 'after';

/** What became of the commands that containers have in their labels. */
export interface LabelledCommandsEnd {
  /** What they printed, each after the name of its container. */
  readonly output: string;
  /** One sentence for each that failed. */
  readonly failures: readonly string[];
}

/**
 * Containers that have commands for a phase and job in their labels: `holdfast.exec-before`, `holdfast.exec-after` (a text for `sh -c`, or a JSON list of the program and its arguments) with
 * `….user`, `….workdir` and `….timeout`. A label `holdfast.job` with names, separated by commas, limits them to these jobs.
 */
export async function containersWithCommands(
  client: DockerClient,
  phases: readonly CommandPhase[],
  job: string,
  { signal }: CallOptions = {},
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const phase of phases) {
    for (const id of await client.list([`holdfast.exec-${phase}`], { signal })) {
      const container = await client.inspect(id, { signal });
      const jobs = container?.labels['holdfast.job']?.split(',').map((name) => name.trim());
      const isMeant = jobs === undefined || jobs.includes(job);
      if (container !== undefined && isMeant && !ids.includes(id)) ids.push(id);
    }
  }
  return ids;
}

/** Runs the commands of a phase, one container after the other; one that fails does not stop the others. */
export async function runLabelledCommands(
  client: DockerClient,
  containers: readonly string[],
  phase: CommandPhase,
  environment: Readonly<Record<string, string>>,
  { signal }: CallOptions = {},
): Promise<LabelledCommandsEnd> {
  const failures: string[] = [];
  const parts: string[] = [];
  for (const id of containers) {
    const container = await client.inspect(id, { signal });
    const label = `holdfast.exec-${phase}`;
    const text = container?.labels[label];
    if (container === undefined || text === undefined) continue;
    const { name, labels } = container;
    if (!isActive(container)) {
      failures.push(
        `The command of the label "${label}" was not run: the container "${name}" does not run`,
      );
      continue;
    }
    const printed: Buffer[] = [];
    try {
      const user = labels[`${label}.user`];
      const directory = labels[`${label}.workdir`];
      const end = await runInContainer(client, id, commandOf(text, label, name), {
        environment,
        timeLimit: timeLimitOf(labels[`${label}.timeout`], label, name),
        ...(user !== undefined && { user }),
        ...(directory !== undefined && { directory }),
        onOutput: (piece) => printed.push(piece),
        signal,
      });
      const failure = failureOf({ ...end, killedBy: undefined, lastWords: '' });
      if (failure !== undefined)
        failures.push(
          `The command of the label "${label}" in the container "${name}" failed: ${failure}`,
        );
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(messageOf(error));
    }
    if (printed.length > 0)
      parts.push(`${name}: ${Buffer.concat(printed).toString('utf8').trimEnd()}`);
  }
  return { output: parts.join('\n'), failures };
}

function commandOf(text: string, label: string, container: string): string | readonly string[] {
  if (!text.trimStart().startsWith('[')) return text;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // A shell's own `[ … ]`.
    return text;
  }
  if (Array.isArray(list) && list.length > 0 && list.every((part) => typeof part === 'string'))
    return list;
  throw new AppError(
    'input/invalid',
    `The label "${label}" of the container "${container}" is not a list of texts`,
  );
}

function timeLimitOf(text: string | undefined, label: string, container: string): number {
  try {
    return durationMilliseconds(parseDuration(text ?? '10m'));
  } catch (cause) {
    const message = `The label "${label}.timeout" of the container "${container}" is not a duration`;
    throw new AppError('input/invalid', message, { cause });
  }
}
