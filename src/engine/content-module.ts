/** The module through which workers open files; sources run as TypeScript, the published package as JavaScript. */
export function contentModule(): string {
  const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`../source/filesystem/file-reader.${extension}`, import.meta.url).href;
}
