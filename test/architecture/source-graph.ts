import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Source files by their path below `src/`, with their text. */
export type SourceTexts = ReadonlyMap<string, string>;

/** For each file what it imports, as types or as values, at once or later, or loads as a worker by its URL. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** All sources but the tests. */
export async function readSources(root: string): Promise<SourceTexts> {
  const texts = new Map<string, string>();
  for await (const file of glob('**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })) {
    texts.set(file, await readFile(path.join(root, file), 'utf8'));
  }
  return texts;
}

/** What is relative and names a source, in any import or URL. */
const specifier = /(['"`])(\.{1,2}\/[^'"`\s]+?\.)ts\1/gu;
/** A module that is loaded by its place below the sources. */
const moduleName = /\bmoduleFile\('([^']+)'\)/gu;

/** Reads the imports out of the texts. */
export function importGraph(texts: SourceTexts): ImportGraph {
  const graph = new Map<string, readonly string[]>();
  for (const [file, text] of texts) {
    const code = withoutComments(text);
    const targets = [
      ...Array.from(code.matchAll(specifier), ([, , stem = '']) =>
        path.join(path.dirname(file), `${stem}ts`),
      ),
      ...Array.from(code.matchAll(moduleName), ([, name = '']) => `${name}.ts`),
    ];
    graph.set(file, [...new Set(targets)]);
  }
  return graph;
}

/** The text without comments; a `//` in a string stays, as nothing but the start of a line or a blank may stand before one. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gmu, '');
}
