import type { BlockDeflate } from '../../src/codec/compression/block-deflate.ts';
import { libraryDeflate } from '../../src/codec/compression/library-deflate.ts';
import { zlibDeflate } from '../../src/codec/compression/zlib-deflate.ts';

/** What compresses, by name. Under `CI` libdeflate must be there. */
export function deflateKinds(): readonly (readonly [string, BlockDeflate])[] {
  const library = libraryDeflate();
  if (library !== undefined) return [['libdeflate', library] as const, ['zlib', zlibDeflate]];
  if (process.env['CI'] === 'true') throw new Error('Under CI libdeflate0 must be installed');
  return [['zlib', zlibDeflate]];
}
