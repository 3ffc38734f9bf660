import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { type FilterRule, parseRule, parseRuleFile } from '../model/filter-rule.ts';
import type { GivenFlag } from './command.ts';
import type { CliContext } from './context.ts';

/** The rules that the flags of a command line (`input.given`) make, in their order; reads the files they name. */
export async function readFilterRules(
  given: readonly GivenFlag[],
  context: Pick<CliContext, 'workingDirectory' | 'signal'>,
): Promise<FilterRule[]> {
  const rules: FilterRule[] = [];
  for (const { name, text } of given) {
    if (name === 'exclude') rules.push(parseRule(text, 'exclude'));
    else if (name === 'include') rules.push(parseRule(text, 'include'));
    else if (name === 'iexclude') rules.push(parseRule(text, 'exclude', { ignoreCase: true }));
    else if (name === 'iinclude') rules.push(parseRule(text, 'include', { ignoreCase: true }));
    else if (name === 'exclude-regex') rules.push(parseRule(text, 'exclude', { regexp: true }));
    else if (name === 'include-regex') rules.push(parseRule(text, 'include', { regexp: true }));
    else if (name === 'exclude-from')
      rules.push(...parseRuleFile(await contentOf(text, context), 'exclude'));
    else if (name === 'include-from')
      rules.push(...parseRuleFile(await contentOf(text, context), 'include'));
  }
  return rules;
}

async function contentOf(
  file: string,
  { workingDirectory, signal }: Pick<CliContext, 'workingDirectory' | 'signal'>,
): Promise<Uint8Array> {
  try {
    return await readFile(path.resolve(workingDirectory, file), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError(
      'input/invalid',
      `Cannot read patterns from "${file}": ${fileReason(error)}`,
      { cause: error },
    );
  }
}
