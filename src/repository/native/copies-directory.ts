import { join } from 'node:path';

/** Where a machine keeps copies of the objects of a repository, whose id is hexadecimal. */
export function copiesDirectory(cacheDirectory: string, repositoryId: string): string {
  return join(cacheDirectory, repositoryId, 'objects');
}
