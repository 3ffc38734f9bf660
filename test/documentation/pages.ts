import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A page of the documentation; its path is relative to the root of the project. */
export interface Page {
  readonly file: string;
  readonly text: string;
}

/** Every Markdown file for readers. */
export async function readPages(root: string): Promise<Page[]> {
  const files = await Array.fromAsync(
    glob(['*.md', 'docs/**/*.md', 'changes/*.md'], { cwd: root }),
  );
  return await Promise.all(
    files
      .toSorted()
      .map(async (file) => ({ file, text: await readFile(path.join(root, file), 'utf8') })),
  );
}

/** The targets of the links of a page, without those in code. */
export function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gmu, '').replaceAll(/`[^`\n]*`/gu, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)].map(([, target = '']) => target);
}

/** The anchors of a page, made from its headings as GitHub does. */
export function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```/gmu, '').matchAll(/^#+ (.+)$/gmu);
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The lines of a page's shell examples, without comments; a line that ends in a backslash goes on. */
export function shellLines(text: string): string[] {
  return [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gmu)].flatMap(([, block = '']) =>
    block
      .replaceAll(/\\\n\s*/gu, ' ')
      .split('\n')
      .map((line) => line.replace(/(?:^|\s)#.*$/u, '').trim())
      .filter((line) => line !== ''),
  );
}

/** The calls of Holdfast in a line of shell, each as the words after its name. Knows quotes, pipes and lists, and nothing else of the shell. */
export function holdfastCalls(line: string): string[][] {
  const calls: string[][] = [];
  for (const command of splitCommands(line)) {
    const start = command.findIndex((word) => /^(?:bin\/)?holdfast$/u.test(word));
    if (start >= 0) calls.push(command.slice(start + 1));
  }
  return calls;
}

function splitCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  const tokens = line.matchAll(
    /\s+|(&&|\|\||[|;()<>&])|((?:"[^"]*"|'[^']*'|\\.|[^\s"'|;()<>&])+)/gu,
  );
  for (const [, operator, word] of tokens) {
    if (operator !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)?.push(word.replaceAll(/["'\\]/gu, ''));
  }
  return commands;
}
