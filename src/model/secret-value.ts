/**
 * A secret in a configuration: where it is, or (where there is no better place) what it is. Whatever has secrets in it is encrypted before it is
 * stored and masked before it is shown.
 */
export type SecretValue =
  | string
  /** The content of a file; one newline at its end does not count. */
  | { readonly file: string }
  /** A variable of the environment. */
  | { readonly environment: string }
  /** A credential of systemd: a file of this name in `$CREDENTIALS_DIRECTORY`. */
  | { readonly credential: string }
  /** What a program prints, without one newline at its end; arguments as they are, no shell. */
  | { readonly command: readonly string[] };
