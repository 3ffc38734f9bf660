/** What the kernel of librsync's checksums needs of WebAssembly besides what the chunker uses. */
declare namespace WebAssembly {
  interface Memory {
    grow(pages: number): number;
  }
}
