import { endianness } from 'node:os';

import { libc } from './libc.ts';
import { checked } from './system-error.ts';

/** Which file system something lies on. */
export interface FileSystemIdentity {
  /** The magic number of its kind: 0xef53 ext, 0x6969 NFS … */
  readonly type: number;
  /** Tells file systems of this host apart; not kept over a reboot by all of them. */
  readonly id: string;
}

const out = new Uint8Array(256);

/** What `fstatfs` says of an open file or directory. @throws SystemError */
export function fileSystemOf(fd: number): FileSystemIdentity {
  checked(libc().fstatfs(fd, out), 'fstatfs');
  // struct statfs: type, block size, five 64-bit counts, then the id as two words
  const words = new Uint32Array(out.buffer);
  const type = words[endianness() === 'LE' ? 0 : 1] ?? 0;
  return { type, id: `${(words[14] ?? 0).toString(16)}:${(words[15] ?? 0).toString(16)}` };
}

/** bcachefs, Btrfs. */
const compressing: ReadonlySet<number> = new Set([0xca451a4e, 0x9123683e]);

/**
 * Whether what an open file lies on may compress what is written the usual way, through the page cache and without space reserved for it, and only that.
 *
 * @throws SystemError
 */
export function mayCompress(fd: number): boolean {
  return compressing.has(fileSystemOf(fd).type);
}
