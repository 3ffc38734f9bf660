import { createHash } from 'node:crypto';
import { glob, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import type { Configuration } from '../model/configuration.ts';
import { checkConfiguration } from './check-configuration.ts';
import {
  type ConfigurationDocument,
  isConfigurationFile,
  parseDocumentText,
} from './configuration-document.ts';
import { ConfigurationError, type ConfigurationProblem } from './configuration-problem.ts';
import { parseConfiguration } from './configuration-schema.ts';
import { hasNamesOfItsOwn } from './secret-places.ts';
import { scheduleProblems } from './periodicities.ts';

/** A configuration, and the files it was read from: those to watch. */
export interface ReadConfiguration {
  readonly configuration: Configuration;
  readonly files: readonly string[];
  /** Directories in which patterns of `include` look: a new file there belongs to it. */
  readonly directories: readonly string[];
  /** What is allowed but likely a mistake. */
  readonly warnings: readonly ConfigurationProblem[];
}

/** More files would not be a configuration but a mistaken directory. */
const MOST_FILES = 1000;
/** In bytes; ten thousand jobs take a few of these. */
const LARGEST_FILE = 64 * 1024 * 1024;

/**
 * Reads a configuration from a file (YAML, TOML, JSON, by its name) with what it includes, or from all such files of a directory, in the order of their names.
 *
 * @throws ConfigurationError (`input/invalid`) with everything that is wrong, by file and line
 */
export async function readConfiguration(
  place: string,
  options: CallOptions = {},
): Promise<ReadConfiguration> {
  const documents: ConfigurationDocument[] = [];
  await addPlace(path.resolve(place), documents, options);
  const problems: ConfigurationProblem[] = [];
  const locate = (problem: ConfigurationProblem): ConfigurationProblem =>
    located(problem, documents);
  const merged = merge(documents, problems);
  let configuration: Configuration | undefined;
  try {
    configuration = parseConfiguration(merged);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems);
  }
  if (configuration === undefined || problems.length > 0) {
    throw new ConfigurationError(inOrder(problems.map(locate)));
  }
  const { problems: inconsistent, warnings } = checkConfiguration(configuration);
  const found = [...inconsistent, ...scheduleProblems(configuration)];
  if (found.length > 0) throw new ConfigurationError(inOrder(found.map(locate)));
  return {
    configuration,
    files: documents.map(({ file }) => file),
    directories: [...new Set(documents.flatMap(patternDirectories))],
    warnings: warnings.map(locate),
  };
}

/**
 * A text that changes whenever `readConfiguration` would read something else, found out much sooner than by reading; `undefined` where only that can tell: when a file
 * includes others, or cannot be read.
 */
export async function configurationFingerprint(
  place: string,
  { signal }: CallOptions = {},
): Promise<string | undefined> {
  try {
    const isDirectory = (await stat(place)).isDirectory();
    const names = isDirectory ? (await readdir(place)).filter(isPart).sort() : [''];
    const hash = createHash('sha256');
    for (const name of names) {
      const content = await readFile(path.join(place, name), { signal });
      if (content.includes('include')) return undefined;
      hash.update(`${name}\0${content.length}\0`).update(content);
    }
    return hash.digest('hex');
  } catch {
    signal?.throwIfAborted();
    return undefined; // reading it tells why
  }
}

/** Whether a file of a directory is a part of the configuration. */
const isPart = (name: string): boolean => isConfigurationFile(name) && !name.startsWith('.');

/** As somebody reads who goes through the file. */
const inOrder = (problems: readonly ConfigurationProblem[]): ConfigurationProblem[] =>
  problems.toSorted(
    (a, b) =>
      (a.file ?? '').localeCompare(b.file ?? '') ||
      (a.line ?? Infinity) - (b.line ?? Infinity) ||
      0,
  );

async function addPlace(
  place: string,
  documents: ConfigurationDocument[],
  options: CallOptions,
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (documents.some(({ file }) => file === place)) return;
  if (documents.length >= MOST_FILES) {
    throw new AppError('input/invalid', `A configuration has at most ${MOST_FILES} files`);
  }
  try {
    const found = await stat(place);
    if (found.isDirectory()) {
      const names = (await readdir(place)).filter(isPart);
      for (const name of names.sort()) await addPlace(path.join(place, name), documents, options);
      return;
    }
    // Reading from a pipe or a device might never end.
    if (!found.isFile()) {
      throw new AppError('input/invalid', `The configuration "${place}" is not a file`);
    }
    if (found.size > LARGEST_FILE) {
      throw new AppError(
        'input/invalid',
        `The configuration "${place}" has more than ${LARGEST_FILE / 1024 / 1024} MiB`,
      );
    }
    const text = await readFile(place, { encoding: 'utf8', signal });
    const document = withAbsolutePlaces(parseDocumentText(place, text));
    documents.push(document);
    for (const included of includesOf(document))
      await addIncluded(included, document, documents, options);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'input/invalid',
      `Cannot read the configuration "${place}": ${fileReason(cause)}`,
      {
        cause,
      },
    );
  }
}

/** Files of secrets that are relative are meant relative to the file that names them, wherever the configuration is kept later. */
function withAbsolutePlaces(document: ConfigurationDocument): ConfigurationDocument {
  const directory = path.dirname(document.file);
  const absolute = (value: unknown, key: string | undefined, depth: number): unknown => {
    if (Array.isArray(value)) return value.map((item) => absolute(item, undefined, depth + 1));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [only] = entries;
    const isPlace = entries.length === 1 && only?.[0] === 'file' && typeof only[1] === 'string';
    // What has names of its own may have one called so: a destination, a variable.
    if (isPlace && !hasNamesOfItsOwn(key, depth)) {
      return { file: path.resolve(directory, only[1] as string) };
    }
    return Object.fromEntries(
      entries.map(([name, inner]) => [name, absolute(inner, name, depth + 1)]),
    );
  };
  return { ...document, value: absolute(document.value, undefined, 0) };
}

function includesOf({ value }: ConfigurationDocument): string[] {
  if (typeof value !== 'object' || value === null || !('include' in value)) return [];
  const { include } = value;
  const list: readonly unknown[] = Array.isArray(include) ? include : [include];
  return list.filter((one) => typeof one === 'string');
}

/** As far as the patterns of a document are no patterns. */
function patternDirectories(document: ConfigurationDocument): string[] {
  const patterns = includesOf(document).filter((pattern) => isPattern(pattern));
  return patterns.map((pattern) => {
    const parts = pattern.split('/');
    const fixed = parts.slice(
      0,
      parts.findIndex((part) => isPattern(part)),
    );
    return path.resolve(
      path.dirname(document.file),
      fixed.join('/') || (pattern.startsWith('/') ? '/' : '.'),
    );
  });
}

const isPattern = (text: string): boolean => /[*?[{]/u.test(text);

async function addIncluded(
  pattern: string,
  document: ConfigurationDocument,
  documents: ConfigurationDocument[],
  options: CallOptions,
): Promise<void> {
  const directory = path.dirname(document.file);
  const found: string[] = [];
  for await (const file of glob(pattern, { cwd: directory }))
    found.push(path.resolve(directory, file));
  // A pattern may match nothing, a single file must be there.
  if (found.length === 0 && !isPattern(pattern)) {
    throw new ConfigurationError([
      {
        path: ['include'],
        message: `There is no file "${pattern}"`,
        file: document.file,
        ...lineIn(document, ['include']),
      },
    ]);
  }
  for (const file of found.sort()) await addPlace(file, documents, options);
}

const named = ['jobs', 'destinations', 'channels', 'periodicities'] as const;

/** All files as one. What has a name may be in one of them only; a setting too. */
function merge(
  documents: readonly ConfigurationDocument[],
  problems: ConfigurationProblem[],
): Record<string, unknown> {
  const merged = new Map<string, unknown>();
  const from = new Map<string, string>();
  for (const document of documents) {
    const { value, file } = document;
    if (value === null || value === undefined) continue;
    if (typeof value !== 'object' || Array.isArray(value)) {
      problems.push({ path: [], message: 'Must be an object with "jobs" and the like', file });
      continue;
    }
    for (const [section, content] of Object.entries(value)) {
      refuseImpossible(document, section, content, problems);
      const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
      if (section === 'include' || section === 'version') {
        merged.set(section, content);
      } else if (!isObject || !([...named, 'settings'] as string[]).includes(section)) {
        if (!merged.has(section)) merged.set(section, content);
      } else {
        const before = merged.get(section) ?? new Map<string, unknown>();
        merged.set(section, before);
        // Something else in another file is told as what it is.
        if (!(before instanceof Map)) continue;
        const together = before as Map<string, unknown>;
        for (const [key, one] of Object.entries(content)) {
          const other = from.get(`${section}.${key}`);
          if (other !== undefined) {
            problems.push({
              path: [section, key],
              message: `Is in "${other}" already`,
              file,
              ...lineIn(document, [section, key]),
            });
          }
          from.set(`${section}.${key}`, file);
          together.set(key, one);
        }
      }
    }
  }
  // Maps until here: an object takes "__proto__" for something else than a name.
  return Object.fromEntries(
    [...merged].map(([section, content]) => [
      section,
      content instanceof Map ? Object.fromEntries(content) : content,
    ]),
  );
}

/** What checks objects leaves out this one name, and would leave out a job without a word. */
const IMPOSSIBLE = '__proto__';

function refuseImpossible(
  document: ConfigurationDocument,
  section: string,
  content: unknown,
  problems: ConfigurationProblem[],
): void {
  const isInside =
    typeof content === 'object' && content !== null && Object.hasOwn(content, IMPOSSIBLE);
  if (!isInside) return;
  const where = [section, IMPOSSIBLE];
  const message = 'Nothing can be called so';
  problems.push({ path: where, message, file: document.file, ...lineIn(document, where) });
}

const lineIn = (
  document: ConfigurationDocument,
  where: readonly (string | number)[],
): { line?: number } => {
  const line = document.lineOf(where);
  return line === undefined ? {} : { line };
};

function located(
  problem: ConfigurationProblem,
  documents: readonly ConfigurationDocument[],
): ConfigurationProblem {
  if (problem.file !== undefined) return problem;
  const [section, key] = problem.path;
  const home =
    documents.find(({ value }) => hasPath(value, [section, key])) ??
    documents.find(({ value }) => hasPath(value, [section])) ??
    documents[0];
  if (home === undefined) return problem;
  return { ...problem, file: home.file, ...lineIn(home, problem.path) };
}

function hasPath(value: unknown, keys: readonly (string | number | undefined)[]): boolean {
  let here = value;
  for (const key of keys) {
    if (key === undefined) return true;
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return false;
    here = (here as Record<string | number, unknown>)[key];
  }
  return true;
}
