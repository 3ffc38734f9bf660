import { chmod, copyFile, cp, link, mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * The program in a directory that every account can enter, which the checkout need not be: sources, launcher and Node, without any library. Resolves with the
 * path of the launcher.
 */
export async function programForEverybody(directory: string): Promise<string> {
  const of = (name: string): string => path.join(directory, name);
  await mkdir(of('node_modules/node/bin'), { recursive: true });
  const node = await realpath(path.join(root, 'node_modules/node/bin/node'));
  // On another file system it has to be copied.
  await link(node, of('node_modules/node/bin/node')).catch(() =>
    copyFile(node, of('node_modules/node/bin/node')),
  );
  for (const name of ['bin', 'src']) await cp(path.join(root, name), of(name), { recursive: true });
  await copyFile(path.join(root, 'package.json'), of('package.json'));
  for (const name of ['.', 'bin', 'bin/holdfast', 'node_modules', 'node_modules/node'])
    await chmod(of(name), 0o755);
  return of('bin/holdfast');
}
