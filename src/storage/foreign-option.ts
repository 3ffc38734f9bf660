import { AppError } from '../base/errors.ts';
import type { ForeignEffect, OptionKind, StorageOption } from './option-schema.ts';

interface ForeignOption<Name extends string, Kind extends OptionKind> {
  readonly name: Name;
  readonly kind: Kind;
  readonly help: string;
  readonly foreign: ForeignEffect;
}

/** An option of another program on which nothing depends here: any value is taken, and changes nothing. */
export function withoutEffect<const Name extends string>(
  name: Name,
  reason: string,
): ForeignOption<Name, 'string'> {
  return {
    name,
    kind: 'string',
    help: `Without effect: ${reason}`,
    foreign: { effect: 'none', reason },
  };
}

/** An option of another program that asks for what is not done here; a `boolean` may say no. `hint` tells what to do instead. */
export function refused<const Name extends string, const Kind extends OptionKind>(
  name: Name,
  kind: Kind,
  { reason, hint }: { readonly reason: string; readonly hint: string },
): ForeignOption<Name, Kind> {
  return {
    name,
    kind,
    help: `Refused: ${reason}`,
    foreign: { effect: 'refused', reason, hint },
  };
}

/** Throws `input/usage` when `value` asks for what is refused. */
export function checkRefusal({ name, foreign }: StorageOption, value: unknown): void {
  if (foreign?.effect !== 'refused' || value === false) return;
  throw new AppError('input/usage', `The option "${name}" is refused: ${foreign.reason}`, {
    hint: foreign.hint,
  });
}

/** A sentence for each option that was given and changes nothing. */
export function ineffective(
  schema: readonly StorageOption[],
  merged: ReadonlyMap<string, unknown>,
): readonly string[] {
  return schema.flatMap(({ name, foreign }) =>
    foreign?.effect === 'none' && merged.has(name)
      ? [`The option "${name}" has no effect: ${foreign.reason}`]
      : [],
  );
}
