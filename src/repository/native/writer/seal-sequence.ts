/**
 * Numbers the seals of this host: without gaps, one process of the machine at a time, each with the hash of the one before (native.md, section 12).
 */
export interface SealSequence {
  /**
   * Calls `publish` with the next number and the hash of this host's previous seal in hexadecimal; it publishes the seal and gives its hash, or gives nothing
   * when it has not published anything. Gives the number, if it was used. Nobody else on this machine seals meanwhile.
   */
  seal(
    publish: (next: number, previousSeal: string) => Promise<string | undefined>,
  ): Promise<number | undefined>;
}
