/** Remotes that list what was stored as soon as it is stored, by how they call themselves. Of others nothing is known. */
const immediate = /^(?:Local file system|sftp:\/\/|smb:\/\/|ftp:\/\/|webdav |S3 )/u;

/** Seconds until listings of a remote are sure to be complete; `undefined` when no bound is known. */
export function listingLagOf(description: string): number | undefined {
  return immediate.test(description) ? 0 : undefined;
}
