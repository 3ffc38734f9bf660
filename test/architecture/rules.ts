import path from 'node:path';

import { type ImportGraph, type SourceTexts, withoutComments } from './source-graph.ts';

/** Each folder of `src/`, and the folders it may import besides itself. `main.ts` puts everything together. */
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  codec: ['base'],
  storage: ['base'],
  source: ['base', 'model'],
  target: ['base', 'model'],
  repository: ['base', 'model', 'codec', 'storage'],
  engine: ['base', 'model', 'codec', 'storage', 'source', 'target', 'repository'],
  configuration: ['base', 'model'],
  catalog: ['base', 'model'],
  notify: ['base', 'model'],
  service: ['base', 'model', 'storage', 'source', 'configuration', 'catalog', 'notify'],
  server: ['base', 'model', 'configuration', 'catalog', 'notify', 'service'],
  cli: [
    'base',
    'model',
    'storage',
    'source',
    'target',
    'repository',
    'engine',
    'configuration',
    'catalog',
    'notify',
    'service',
    'server',
  ],
};

/** Folders whose subfolders must not know each other. */
const islands = ['storage/drivers', 'repository'];

/** Folders whose subfolders only `registry.ts` loads, so that a protocol which is not used is never read. */
const registered = ['storage/drivers'];

/** What only some files may touch: a text in the code, the files, and what the others do instead. */
const privileges: readonly (readonly [pattern: RegExp, allowed: RegExp, instead: string])[] = [
  [
    /\bprocess\.(?:env|exit|exitCode|argv|stdin|stdout|stderr)\b|\bconsole\./u,
    /^(?:cli\/|main\.ts$)/u,
    'is given what it needs',
  ],
  [
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/u,
    /^base\/clock\.ts$/u,
    'takes the time from a Clock',
  ],
  [
    /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b/u,
    /^base\/random\.ts$/u,
    'uses base/random.ts',
  ],
  [
    /['"](?:node:)?child_process['"]/u,
    // A passphrase command may ask its user something: it stays in the terminal's process group, which no other program does.
    /^(?:base\/process|cli\/passphrase)\.ts$/u,
    'uses base/process.ts',
  ],
  [
    /\bmkdir(?:Sync)?\([^;]*?\brecursive\b/u,
    // Never allowed: where the system says that there is nothing in a directory that is there, it does not end.
    /^$/u,
    'uses base/make-directories.ts',
  ],
];

/** Imports that point upwards or sideways. */
export function layerViolations(graph: ImportGraph): string[] {
  return edges(graph).flatMap(([file, target]) => {
    const from = folderOf(file);
    const to = folderOf(target);
    if (from === undefined || from === to) return [];
    return to !== undefined && layers[from]?.includes(to) ? [] : [`${file} imports ${target}`];
  });
}

/** Imports between siblings that must not know each other, and drivers that are loaded past their registry. */
export function islandViolations(graph: ImportGraph): string[] {
  return edges(graph).flatMap(([file, target]) => {
    const mine = islandOf(islands, file);
    const other = islandOf(islands, target);
    const sibling =
      mine !== undefined && other !== undefined && mine !== other && sameParent(mine, other);
    const driver = islandOf(registered, target);
    const past =
      driver !== undefined &&
      driver !== islandOf(registered, file) &&
      !/\bregistry\.ts$/u.test(file);
    return sibling || past ? [`${file} imports ${target}`] : [];
  });
}

/** Each cycle of imports, written as a path. Imports of types count: files that need each other's types are one file. */
export function importCycles(graph: ImportGraph): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push([...trail.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

/** Imports of files that are not there. */
export function missingImports(graph: ImportGraph): string[] {
  return edges(graph).flatMap(([file, target]) =>
    graph.has(target) ? [] : [`${file} imports ${target}`],
  );
}

/** Files that touch the terminal, the environment, the time, chance or other programs without being the one place for it. */
export function privilegeViolations(texts: SourceTexts): string[] {
  return [...texts].flatMap(([file, text]) => {
    const code = withoutComments(text);
    return privileges.flatMap(([pattern, allowed, instead]) => {
      const found = allowed.test(file) ? undefined : pattern.exec(code)?.[0];
      return found === undefined ? [] : [`${file} has ${found}; any other file ${instead}`];
    });
  });
}

/** Packages that a file loads, itself or through what it imports. */
export function packagesOf(start: string, graph: ImportGraph, texts: SourceTexts): string[] {
  const seen = new Set<string>();
  const found = new Set<string>();
  const waiting = [start];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = withoutComments(texts.get(file) ?? '');
    for (const [, name = ''] of code.matchAll(packageImport)) found.add(`${file} loads ${name}`);
    waiting.push(...(graph.get(file) ?? []));
  }
  return [...found];
}

const packageImport = /^import (?!type )[^;'"]*['"](?!node:|\.)([^'"]+)['"]/gmu;

function edges(graph: ImportGraph): (readonly [file: string, target: string])[] {
  return [...graph].flatMap(([file, targets]) =>
    targets.map((target): readonly [string, string] => [file, target]),
  );
}

/** `base` for `base/clock.ts`, nothing for `main.ts`. */
function folderOf(file: string): string | undefined {
  const slash = file.indexOf('/');
  return slash < 0 ? undefined : file.slice(0, slash);
}

/** `storage/drivers/file` for a file in it. */
function islandOf(parents: readonly string[], file: string): string | undefined {
  for (const parent of parents) {
    if (!file.startsWith(`${parent}/`)) continue;
    const [name, ...rest] = file.slice(parent.length + 1).split('/');
    if (rest.length > 0) return `${parent}/${name}`;
  }
  return undefined;
}

const sameParent = (one: string, other: string): boolean =>
  path.dirname(one) === path.dirname(other);
