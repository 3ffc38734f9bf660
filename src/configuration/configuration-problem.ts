import type { z } from 'zod';

import { AppError } from '../base/errors.ts';

/** One thing that is wrong in a configuration. */
export interface ConfigurationProblem {
  /** Keys and indexes from the root: `['jobs', 'documents', 'schedule']`. */
  readonly path: readonly (string | number)[];
  /** A sentence without its end. */
  readonly message: string;
  /** The file it is in, where it came from one. */
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
}

/** A configuration that makes no sense, with all that is wrong in it. Its message tells the first of them. */
export class ConfigurationError extends AppError {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[], what = 'The configuration') {
    const more = problems.length - 1;
    const hint =
      more <= 0
        ? undefined
        : `There ${more === 1 ? 'is one more problem' : `are ${more} more problems`}: "holdfast config validate" lists all`;
    super('input/invalid', `${what} is not valid: ${problemText(problems[0]!)}`, {
      ...(hint !== undefined && { hint }),
    });
    this.problems = problems;
  }
}

/** `holdfast.yaml:12: jobs.documents.schedule: "* * * *" has 4 fields`. */
export function problemText({ path, message, file, line }: ConfigurationProblem): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
  return `${place}${path.length === 0 ? '' : `${path.join('.')}: `}${message}`;
}

/** What a schema found, below a path. Of a value that could be several things, what is said is what is wrong with the likeliest. */
export function problemsOf(
  error: z.ZodError,
  below: readonly (string | number)[],
): ConfigurationProblem[] {
  return error.issues.flatMap((issue) => flatten(issue, below));
}

function flatten(
  issue: z.core.$ZodIssue,
  below: readonly (string | number)[],
): ConfigurationProblem[] {
  const path = [
    ...below,
    ...issue.path.map((key) => (typeof key === 'number' ? key : String(key))),
  ];
  if (issue.code === 'unrecognized_keys') {
    const sentences = issue.message.split('\n');
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      message: sentences[index] ?? issue.message,
    }));
  }
  if (issue.code !== 'invalid_union') return [{ path, message: sentenceOf(issue) }];
  const branches = [...issue.errors].sort((a, b) => likelihood(b) - likelihood(a));
  const [best, second] = branches;
  if (best === undefined || best.length === 0) return [{ path, message: issue.message }];
  // Nothing fits from the outset: then no branch tells what is wrong.
  if (likelihood(best) === 0 && second !== undefined && likelihood(second) === 0) {
    const wanted = [...new Set(branches.flatMap((branch) => branch.flatMap(expectedOf)))];
    return [
      { path, message: wanted.length > 0 ? `Must be ${wanted.join(' or ')}` : issue.message },
    ];
  }
  return best.flatMap((inner) => flatten(inner, path));
}

/** How far a branch of a union got: a wrong type at the very top says that something else was meant. */
function likelihood(issues: readonly z.core.$ZodIssue[]): number {
  if (issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type')) return 0;
  if (issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_value')) return 0;
  const missing = issues.filter(
    (issue) => issue.path.length === 1 && issue.code === 'invalid_type',
  );
  return 2 - missing.length / (issues.length + 1);
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  record: 'an object',
};

function expectedOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_type') return [kinds[issue.expected] ?? issue.expected];
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return [];
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && /received undefined/u.test(issue.message)
        ? 'Is missing'
        : `Must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `Must be ${issue.values.map(String).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'Must not be empty'
        : `Must be at least ${issue.minimum}`;
    case 'too_big':
      return `Must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}
