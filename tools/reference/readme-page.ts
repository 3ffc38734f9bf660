import { existsSync, readFileSync } from 'node:fs';

const begin = '<!-- benchmark: made by "npm run reference" from docs/benchmark.md -->';
const end = '<!-- /benchmark -->';

/** `README.md` with the newest figures of the benchmark, which must have run here once; without, as it is. */
export function readmePage(readme: URL, benchmark: URL): string {
  const text = readFileSync(readme, 'utf8');
  if (!existsSync(benchmark)) return text;
  const start = text.indexOf(begin) + begin.length;
  const stop = text.indexOf(end);
  if (start < begin.length || stop < start)
    throw new Error('README.md has no place for the figures');
  return `${text.slice(0, start)}\n\n${figuresOf(readFileSync(benchmark, 'utf8'))}\n\n${text.slice(stop)}`;
}

/** When and where it was measured, and how the figures compare with what was wanted. */
function figuresOf(page: string): string {
  const facts = page.split('\n').filter((line) => /^- (?:Date|Machine): /u.test(line));
  const section = /^## What was wanted\n([\s\S]*?)(?=^## )/mu.exec(page)?.[1];
  if (section === undefined) throw new Error('docs/benchmark.md has no section "What was wanted"');
  return `${facts.join('\n')}\n\n${section.trim()}`;
}
