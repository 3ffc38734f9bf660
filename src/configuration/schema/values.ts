import { z } from 'zod';

import { didYouMean } from '../../base/did-you-mean.ts';
import { parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import { parsePortion, parseSize } from '../../base/size.ts';
import type { SecretValue } from '../../model/secret-value.ts';

/** An object whose keys are all known; for others the nearest one is named, a line for each. */
export function strictObject<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownKey(key, Object.keys(shape))).join('\n')
        : undefined,
  });
}

/** The sentence about a key that nobody knows. */
function unknownKey(key: string, known: readonly string[]): string {
  const nearest = didYouMean(key, known);
  return `There is no "${key}" here${nearest === undefined ? `; known are ${known.join(', ')}` : `; did you mean "${nearest}"?`}`;
}

/** A text that a parser of ours takes; what is stored is the text. */
export function textFor(description: string, parse: (text: string) => unknown): z.ZodString {
  return z
    .string()
    .check((context) => {
      try {
        parse(context.value);
      } catch (error) {
        context.issues.push({ code: 'custom', message: messageOf(error), input: context.value });
      }
    })
    .meta({ description });
}

/** `90s`, `15m`, `2h`, `1D`, `1W2D`. */
export const duration = textFor('A span of time: 90s, 15m, 2h, 1D, 1W2D', parseDuration);
/** `500k`, `2G`. */
export const size = textFor('A size: 500k, 20M, 2G', parseSize);
/** What `--read-data` takes, or `all`. */
export const portion = textFor('10%, 500M, 1/7 or all', (text) =>
  text === 'all' ? undefined : parsePortion(text),
);

export const regularExpression = textFor('A regular expression', (text) => new RegExp(text, 'u'));

/** A secret by value or, better, by place. */
export const secretValue: z.ZodType<SecretValue> = z
  .union([
    z.string().min(1),
    strictObject({ file: z.string().min(1) }),
    strictObject({ environment: z.string().min(1) }),
    strictObject({ credential: z.string().min(1) }),
    strictObject({ command: z.array(z.string()).min(1) }),
  ])
  .meta({ description: 'A secret: its text or {file, environment, credential or command}' });

/** A name that people and file systems can live with. */
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u, {
  error:
    'A name has letters, digits, ".", "_" and "-", at most 100, and begins with a letter or digit',
});

export const texts = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? [value] : value));

export const count = z.int().min(0);

export const flagValues = z.record(
  z.string().regex(/^[a-z][a-z0-9-]*$/u, { error: 'A flag is written without dashes before it' }),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
);
