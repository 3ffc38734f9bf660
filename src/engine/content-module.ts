import { moduleFile } from '../base/program-files.ts';

/** The module through which workers open files. */
export function contentModule(): string {
  return moduleFile('source/filesystem/file-reader').href;
}
