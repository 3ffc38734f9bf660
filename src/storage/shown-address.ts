/**
 * An address as it may be shown: without user and password, and without its query, in which people paste signatures and tokens. Any text
 * will do; what is no address stays as it is.
 */
export function shownAddress(text: string): string {
  return text
    .replace(
      /^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/iu,
      (_, scheme: string | undefined) => `${scheme ?? ''}***@`,
    )
    .replace(/\?.*$/su, '?***');
}
