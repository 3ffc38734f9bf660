import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Makes files of one byte below a directory, the way a server would that keeps objects as files. */
export function fillDirectory(directory: string, names: readonly string[]): Promise<void> {
  const made = new Set<string>();
  for (const name of names) {
    const file = path.join(directory, name);
    const parent = path.dirname(file);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    writeFileSync(file, 'x');
  }
  return Promise.resolve();
}
