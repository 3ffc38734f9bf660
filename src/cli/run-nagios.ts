import { AppError, messageOf } from '../base/errors.ts';
import { type NagiosResult, unknownResult } from '../service/nagios/nagios-result.ts';
import type { CliContext } from './context.ts';

/**
 * Runs `holdfast monitor nagios`. What is wrong with its command line is UNKNOWN on standard output as well: any other exit status would be taken for a verdict
 * on the backups, and what stands on standard error is seen by nobody. Loads little, because it is run every few minutes for each check.
 */
export async function runNagios(argv: readonly string[], context: CliContext): Promise<number> {
  const { monitorNagios } = await import('./definitions/monitor-nagios.ts');
  const [{ parseLine }, { resolveInput }] = await Promise.all([
    import('./parse.ts'),
    import('./resolve.ts'),
  ]);
  let result: NagiosResult;
  let isJson = false;
  try {
    const input = await resolveInput(monitorNagios, parseLine(argv, [monitorNagios]), context);
    const { judgeStatus } = await import('./judge-status.ts');
    // `resolveInput` has made the input from this very definition.
    const given = input as never as Parameters<typeof judgeStatus>[0];
    isJson = given.flags.json;
    result = await judgeStatus(given, context);
  } catch (error) {
    result = unknownResult(messageOf(error), error instanceof AppError ? error.hint : undefined);
  }
  const { StreamWriter } = await import('./output/stream-writer.ts');
  const writer = new StreamWriter(context.stdout);
  writer.write(`${isJson ? JSON.stringify({ type: 'nagios', ...result }) : result.text}\n`);
  await writer.flush();
  return result.status;
}
