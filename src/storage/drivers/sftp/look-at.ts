import { parentOf } from './directories.ts';
import { isDirectory } from './file-type.ts';
import { type FileAttributes, statusCode } from './packet.ts';
import type { RemoteRoot } from './remote-root.ts';
import type { SftpSession } from './session.ts';
import { hasStatus } from './status-error.ts';

/**
 * What there is of a name below the root, `undefined` when there is nothing. Servers differ in what they answer when a part of the path is
 * a file, so the parts are looked at when the answer is not clear. Rejects with the server's answer.
 */
export async function lookAt(
  session: SftpSession,
  root: RemoteRoot,
  name: string,
): Promise<FileAttributes | undefined> {
  try {
    return await session.lstat(root.pathOf(name));
  } catch (error) {
    if (hasStatus(error, statusCode.noSuchFile)) return undefined;
    const parent = parentOf(name);
    if (!hasStatus(error) || parent === '') throw error;
    const above = await lookAt(session, root, parent);
    if (above === undefined || !isDirectory(above)) return undefined;
    throw error;
  }
}
