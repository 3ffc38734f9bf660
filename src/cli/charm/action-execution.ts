import type { AppError } from '../../base/errors.ts';
import { failureOf, startProgram } from '../../base/process.ts';
import {
  type CharmAction,
  type CharmArguments,
  charmCommand,
} from '../../configuration/charm/charm-actions.ts';
import {
  charmEnvironment,
  type CharmFiles,
  charmUrl,
} from '../../configuration/charm/charm-destination.ts';
import { charmSecrets, type CharmValues } from '../../configuration/charm/charm-options.ts';
import type { RunProblem, StepKind } from '../../model/run.ts';
import { SecretMask } from '../../service/program/mask-secrets.ts';
import type { OwnProgramSettings } from '../../service/program/own-program.ts';

/** What an action works with. */
export interface ActionContext {
  readonly action: CharmAction;
  readonly given: CharmArguments;
  /** With what was overridden for this time. */
  readonly values: CharmValues;
  readonly unit: string;
  readonly files: CharmFiles;
  readonly program: OwnProgramSettings;
}

/** How an action ended. Texts are masked. */
export interface ActionEnd {
  readonly outcome: 'succeeded' | 'failed' | 'cancelled';
  /** All that was printed. */
  readonly output: string;
  readonly exitStatus?: number;
  readonly problem?: RunProblem;
}

/** More would not fit into any answer; the end says most. In characters. */
const MOST_OUTPUT = 16 * 1024 * 1024;

/** Runs the command line of duplicity's that an action stands for, with the unit's secrets in its environment. */
export async function performAction(
  { action, given, values, unit, files, program }: ActionContext,
  signal: AbortSignal,
): Promise<ActionEnd> {
  const mask = new SecretMask();
  for (const secret of charmSecrets(values)) mask.add(secret);
  const command = charmCommand(action, given, values, unit, files);
  let text = '';
  const decoder = new TextDecoder();
  const take = (piece: Buffer): void => {
    text = (text + decoder.decode(piece, { stream: true })).slice(-MOST_OUTPUT);
  };
  await using child = await startProgram([...program.argv, 'duplicity', ...command], {
    environment: { ...program.environment, ...charmEnvironment(values, files) },
    directory: program.directory,
    signal,
    grace: 8000,
    onErrorOutput: take,
  });
  child.input.end();
  child.output.on('data', take);
  try {
    const end = await child.ended;
    const output = mask.mask(text);
    const failure = failureOf(end);
    if (failure === undefined) return { outcome: 'succeeded', output, exitStatus: 0 };
    const shown = mask.mask(['duplicity', ...command].join(' '));
    const status = end.status ?? -1;
    return {
      outcome: 'failed',
      output,
      exitStatus: status,
      problem: {
        code: 'process/failed',
        message: `Command "${shown}" failed with return code "${status}" and error output:\n${output}`,
      },
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    const problem = { code: 'interrupted', message: (signal.reason as AppError).message };
    return { outcome: 'cancelled', output: mask.mask(text), problem };
  }
}

/** What the step of an action is called in the history. */
export function actionStep({ action, values, unit }: ActionContext): {
  readonly name: string;
  readonly kind: StepKind;
  readonly destination: string;
} {
  const kinds: Readonly<Record<string, StepKind>> = {
    backup: 'backup',
    restore: 'restore',
    check: 'check',
    retention: 'retention',
  };
  return {
    name: action.name,
    kind: kinds[action.activity ?? ''] ?? 'command',
    destination: charmUrl(values, unit).replace(/\/\/[^/@]*@/u, '//'),
  };
}
