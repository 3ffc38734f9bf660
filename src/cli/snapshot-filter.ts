import { AppError } from '../base/errors.ts';
import type { SnapshotFilter } from '../model/snapshot-group.ts';
import { pathBytes } from '../model/path-text.ts';
import { givenPath } from './given-path.ts';

/** The values of `--tag`, each of which may be a list. Throws `input/usage` for an empty tag. */
export function splitTags(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap(tagsOf))];
}

/** The filter that `--host`, `--path` and `--tag` make. */
export function snapshotFilter(
  flags: {
    readonly host: readonly string[];
    readonly path: readonly string[];
    readonly tag: readonly string[];
  },
  workingDirectory: string,
): SnapshotFilter {
  return {
    hosts: flags.host,
    paths: flags.path.map((text) => pathBytes(givenPath(text, '--path', workingDirectory))),
    tags: flags.tag.map(tagsOf),
  };
}

/** The tags of one value. */
export function tagsOf(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  if (tags.includes('')) {
    throw new AppError('input/usage', `A tag is empty in "${text}"`, {
      hint: 'Write tags with commas in between: --tag work,laptop',
    });
  }
  return tags;
}
