/** The level of zstd that content is compressed with where nobody asks for another one (docs/decisions/compression-level.md). */
export const defaultCompressionLevel = 2;
