import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import { failureOf, runProgram } from '../../base/process.ts';
import type { Environment } from '../../configuration/environment/environment-reader.ts';
import { optionNamed } from '../duplicity/option-table.ts';

/**
 * The words of `OPTIONS` and `OPTIONS_EXTRA`, as a shell reads them: with variables, `$(hostname -f)` and quotes, but without patterns of file names, which are
 * meant for the engine. Neither is in the arguments of the shell: they may have secrets in them.
 *
 * @throws AppError `input/invalid` that names the variable
 */
export async function containerOptions(
  environment: Environment,
  url: string,
  options: CallOptions = {},
): Promise<readonly string[]> {
  const words: string[] = [];
  for (const name of ['OPTIONS', 'OPTIONS_EXTRA']) {
    if ((environment[name] ?? '').trim() === '') continue;
    words.push(...(await shellWords(name, environment, options)));
  }
  return forScheme(words, url);
}

async function shellWords(
  name: string,
  environment: Environment,
  options: CallOptions,
): Promise<readonly string[]> {
  const script = `set -f; eval "set -- $${name}" || exit 2; for word; do printf '%s\\0' "$word"; done`;
  const result = await runProgram(['/bin/sh', '-c', script], {
    ...options,
    environment,
    timeLimit: 60_000,
  });
  const failure = failureOf(result);
  if (failure !== undefined)
    throw new AppError('input/invalid', `${name} cannot be read by the shell: ${failure}`);
  return result.output.toString('utf8').split('\0').slice(0, -1);
}

/** Options of S3 are for destinations there: one of several may be another. */
function forScheme(words: readonly string[], url: string): readonly string[] {
  if (/^(?:boto3?\+)?s3(?:\+http)?:/iu.test(url)) return words;
  const kept: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const name = /^--(s3-[\w-]+)(=.*)?$/su.exec(word);
    if (name === null) {
      kept.push(word);
      continue;
    }
    const takesNext = name[2] === undefined && optionNamed(name[1]!)?.kind !== 'switch';
    if (takesNext) index++;
  }
  return kept;
}
