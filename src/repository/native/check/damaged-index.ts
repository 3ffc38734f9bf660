import type { AppError } from '../../../base/errors.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';

/** The index objects that make no sense, by name: not those of which nobody here knows the signer. */
export function damagedIndexObjects(damaged: readonly AppError[]): string[] {
  return damaged
    .filter((error) => unknownSignerOf(error) === undefined)
    .map(objectOf)
    .filter((name) => name !== '');
}

/** The object that an error is about; empty if it does not say. */
export function objectOf({ details, message }: AppError): string {
  const { object } = details;
  return typeof object === 'string' ? object : (/^"([^"]+)"/u.exec(message)?.[1] ?? '');
}
