import { statSync } from 'node:fs';
import path from 'node:path';

import { compareBytes } from '../../base/bytes.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { sourceProblem } from './source-error.ts';

/**
 * The part of a tree that is backed up: everything below, or only some children that are parts themselves.
 * `undefined` means everything.
 */
export type Selection = ReadonlyMap<string, Selection> | undefined;

/**
 * What is backed up, and from where paths of the snapshot count.
 *
 * A source that is named is followed if it is a symbolic link, and so are the directories on the way to it: they mean
 * what they mean to every other program. Links found below a source are never followed.
 */
export interface SourcePlan {
  /**
   * Absolute path of the directory that is the snapshot's root: the source itself if there is one and it is a
   * directory, else the deepest directory above all sources.
   */
  readonly root: Uint8Array;
  /** Absolute paths in byte order, without those that lie in another one. */
  readonly sources: readonly Uint8Array[];
  /** Which children of the root are wanted, by name as latin-1 text (one character a byte). */
  readonly selection: Selection;
}

/** Where relative sources count from. */
export interface SourcePlanOptions {
  readonly workingDirectory?: string;
}

/**
 * Makes sources absolute, drops those inside others, finds the directory above all.
 *
 * @throws AppError `source/missing` if one does not exist, `source/unreadable` if it cannot be looked at,
 * `input/invalid` for an empty path or none at all.
 */
export function planSources(
  paths: readonly (string | Uint8Array)[],
  { workingDirectory = process.cwd() }: SourcePlanOptions = {},
): SourcePlan {
  if (paths.length === 0) throw new AppError('input/invalid', 'No source was given');
  const base = latin1Of(workingDirectory);
  const absolute = paths.map((given) => {
    if (given.length === 0) throw new AppError('input/invalid', 'A source is an empty path');
    if (Buffer.from(given as string).includes(0))
      throw new AppError('input/invalid', 'A source contains a NUL');
    return path.posix.resolve(base, latin1Of(given));
  });
  const sources = [...new Set(absolute)]
    .filter((one) => !absolute.some((other) => isInside(one, other)))
    .map((one) => Buffer.from(one, 'latin1'))
    .sort(compareBytes);
  // Also those inside others: a name that is mistyped must not pass unnoticed.
  const kinds = new Map(absolute.map((one) => [one, kindOf(Buffer.from(one, 'latin1'))]));
  const [only] = sources;
  if (
    sources.length === 1 &&
    only !== undefined &&
    kinds.get(only.toString('latin1')) === 'directory'
  ) {
    return { root: only, sources, selection: undefined };
  }
  const texts = sources.map((source) => source.toString('latin1'));
  const root = commonParent(texts);
  return { root: Buffer.from(root, 'latin1'), sources, selection: select(texts, root) };
}

/** One character a byte, so that path functions for text work on bytes. */
function latin1Of(given: string | Uint8Array): string {
  return Buffer.from(given as string).toString('latin1');
}

function isInside(inner: string, outer: string): boolean {
  return inner !== outer && inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}

function kindOf(source: Buffer): 'directory' | 'other' {
  try {
    return statSync(source).isDirectory() ? 'directory' : 'other';
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'ELOOP') {
      const message = `The source ${quotePath(source)} is a symbolic link that leads to itself`;
      throw new AppError('source/missing', message, { cause });
    }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw sourceProblem('look at', source, cause);
    throw new AppError('source/missing', `The source ${quotePath(source)} does not exist`, {
      cause,
      hint: 'Check the path; a removable disk may not be mounted',
    });
  }
}

function commonParent(sources: readonly string[]): string {
  const [first = '/', ...others] = sources.map((source) => path.posix.dirname(source));
  let parent = first;
  for (const other of others) {
    while (parent !== other && !isInside(other, parent)) parent = path.posix.dirname(parent);
  }
  return parent;
}

type Growing = Map<string, Growing | undefined>;

function select(sources: readonly string[], root: string): Selection {
  const selection: Growing = new Map();
  for (const source of sources) {
    const components = path.posix.relative(root, source).split('/');
    const last = components.pop() ?? '';
    let level = selection;
    for (const component of components) {
      const next: Growing = level.get(component) ?? new Map();
      level.set(component, next);
      level = next;
    }
    level.set(last, undefined);
  }
  return selection;
}
