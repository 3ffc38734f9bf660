import type { Entry } from '../../src/model/entry.ts';

/** An empty file of root's with nothing special about it; tests say what theirs have instead. */
export const plainEntry: Entry = {
  name: Buffer.from('x'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  user: undefined,
  group: undefined,
  mtime: { seconds: 1000, nanoseconds: 0 },
  size: 0,
  links: 1,
  linkTarget: undefined,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: [],
  fileFlags: 0,
};
