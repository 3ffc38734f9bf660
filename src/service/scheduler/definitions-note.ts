import { createHash } from 'node:crypto';

import type { CallOptions } from '../../base/call-options.ts';
import type { NoteStore } from '../../catalog/catalog.ts';

/**
 * Which times each entry of the schedule meant when it was last planned, as short hashes. A schedule that has changed meanwhile, also while no service ran,
 * does not fire for times in the past that it did not have then. One note for all: ten thousand would be ten thousand transactions.
 */
export type KnownDefinitions = ReadonlyMap<string, string>;

const noteName = 'scheduler/definitions';

export interface DefinitionsNote {
  readonly known: KnownDefinitions;
  /** As it was read; `undefined` if there was none. */
  readonly text: string | undefined;
}

export async function readDefinitions(
  notes: NoteStore,
  options: CallOptions,
): Promise<DefinitionsNote> {
  const text = await notes.get(noteName, options);
  return { text, known: new Map(Object.entries(parse(text))) };
}

/** Resolves with `false` if another instance has written it meanwhile. */
export async function writeDefinitions(
  notes: NoteStore,
  definitions: KnownDefinitions,
  before: DefinitionsNote,
  options: CallOptions,
): Promise<boolean> {
  const text = JSON.stringify(Object.fromEntries(definitions));
  if (text === before.text) return true;
  return notes.set(noteName, text, { ...options, expected: before.text ?? null });
}

export const hashOfDefinition = (definition: string): string =>
  createHash('sha256').update(definition).digest('base64url').slice(0, 12);

/** What cannot be read counts as nothing: then no schedule is known to have changed. */
function parse(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}
