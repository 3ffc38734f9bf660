import { mkdirSync, writeFileSync } from 'node:fs';

import type { SourceEntry } from '../../src/model/entry.ts';
import { planSources } from '../../src/source/filesystem/source-plan.ts';
import { walk, type WalkEvent, type WalkOptions } from '../../src/source/filesystem/walk.ts';

/** The events as short lines, with paths below `root`. */
export function lines(
  root: string,
  sources: readonly string[],
  options: WalkOptions = {},
): string[] {
  const found: string[] = [];
  for (const event of walk(planSources(sources), options)) {
    found.push(lineOf(event, root));
    if (event.type === 'entries') event.location.release();
  }
  return found;
}

export function lineOf(event: WalkEvent, root: string): string {
  const path = Buffer.from(event.path).toString().slice(root.length);
  switch (event.type) {
    case 'entries': {
      const names = event.entries.map(({ name }) => Buffer.from(name).toString());
      return `${path}: ${names.join(' ')}`;
    }
    case 'leave': {
      return `leave ${path}${event.complete ? '' : ' incomplete'}`;
    }
    case 'problem': {
      return `${event.error.code} ${path}`;
    }
    case 'enter': {
      return `enter ${path}`;
    }
  }
}

export function entriesOf(root: string, options: WalkOptions = {}): Map<string, SourceEntry> {
  const found = new Map<string, SourceEntry>();
  for (const event of walk(planSources([root]), options)) {
    if (event.type === 'enter' && event.entry.name.length === 0) found.set('', event.entry);
    if (event.type !== 'entries') continue;
    for (const entry of event.entries) found.set(Buffer.from(entry.name).toString('latin1'), entry);
    event.location.release();
  }
  return found;
}

export function makeTree(root: string): void {
  for (const directory of ['', '/a', '/a/deep', '/b', '/c.d']) mkdirSync(root + directory);
  for (const file of ['/a/1', '/a/deep/2', '/c', '/b/3']) writeFileSync(root + file, file);
}
