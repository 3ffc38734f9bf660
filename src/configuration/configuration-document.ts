import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { parse as parseToml, TomlError } from 'smol-toml';

import { messageOf } from '../base/errors.ts';
import { ConfigurationError } from './configuration-problem.ts';

/** One file of a configuration, parsed. */
export interface ConfigurationDocument {
  readonly file: string;
  readonly value: unknown;
  /** The line (from 1) of what lies at a path, or of the nearest thing around it; `undefined` where the syntax does not tell. */
  lineOf(path: readonly (string | number)[]): number | undefined;
}

/** Names of files that hold a configuration. */
export const isConfigurationFile = (file: string): boolean => /\.(?:ya?ml|toml|json)$/iu.test(file);

/**
 * Takes the syntax off a file: TOML for `.toml`, else YAML 1.2, of which JSON is a part.
 *
 * @throws ConfigurationError with the line of what cannot be parsed
 */
export function parseDocumentText(file: string, text: string): ConfigurationDocument {
  return /\.toml$/iu.test(file) ? tomlDocument(file, text) : yamlDocument(file, text);
}

function tomlDocument(file: string, text: string): ConfigurationDocument {
  try {
    return { file, value: parseToml(text), lineOf: () => undefined };
  } catch (error) {
    const line = error instanceof TomlError ? { line: error.line } : {};
    const message = messageOf(error).split('\n')[0]!;
    throw new ConfigurationError([{ path: [], message, file, ...line }]);
  }
}

function yamlDocument(file: string, text: string): ConfigurationDocument {
  const lines = new LineCounter();
  // The parser's own look for keys that are there twice takes the square of their number.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  const problems = [
    ...[...document.errors, ...document.warnings].map(({ message, pos }) => ({
      message: syntaxSentence(message),
      at: pos[0],
    })),
    ...repeatedKeys(document),
  ];
  if (problems.length > 0) {
    throw new ConfigurationError(
      problems.map(({ message, at }) => ({
        path: [],
        message,
        file,
        line: lines.linePos(at).line,
      })),
    );
  }
  let value: unknown;
  try {
    // Aliases are bounded by the parser, so that a small file cannot make a large value.
    value = document.toJS();
  } catch (error) {
    throw new ConfigurationError([{ path: [], message: syntaxSentence(messageOf(error)), file }]);
  }
  return {
    file,
    value,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const range = rangeAt(document, path.slice(0, length));
        if (range !== undefined) return lines.linePos(range).line;
      }
      return undefined;
    },
  };
}

/** What the YAML parser says, without what it quotes of the file: that may be a secret. */
export function syntaxSentence(message: string): string {
  const sentence = message.split(/\n|: /u)[0]!;
  return sentence.startsWith('Unresolved')
    ? `${sentence}; a text that begins with "*" or "!" needs quotes`
    : sentence;
}

/** Keys that stand twice in one object: which of them would count is anybody's guess. */
function repeatedKeys(
  document: ReturnType<typeof parseDocument>,
): { readonly message: string; readonly at: number }[] {
  const found: { message: string; at: number }[] = [];
  visit(document, {
    Map(_, { items }) {
      // As they are called in the end: 1 and "1" are the same.
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) {
          found.push({ message: `"${name}" stands here twice`, at: key.range?.[0] ?? 0 });
        }
        seen.add(name);
      }
    },
  });
  return found;
}

/** Where the key of a value stands, which for a list or an object is where people look; an item of a list stands for itself. */
function rangeAt(
  document: ReturnType<typeof parseDocument>,
  path: readonly (string | number)[],
): number | undefined {
  const parent: unknown =
    path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1)!;
  if (typeof parent === 'object' && parent !== null && 'items' in parent) {
    for (const item of parent.items as readonly { key?: { value?: unknown; range?: number[] } }[]) {
      if (item.key?.value === last) return item.key.range?.[0];
    }
  }
  const node: unknown = document.getIn(path, true);
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  return (node.range as number[] | undefined)?.[0];
}
