import type { Secret } from '../../../base/secret.ts';

/** How the gpg program is called (docs/formats/duplicity.md 11.2). */
export interface GpgSettings {
  /** Its name or path; `gpg` is what nearly everybody wants. */
  readonly program: string;
  /** What the user gives it besides, each one argument. */
  readonly options: readonly string[];
  /** An agent is asked for passphrases, gpg gets none from us. */
  readonly useAgent: boolean;
  /** A file with secret keys, for gpg before 2.1. */
  readonly secretKeyring?: string | undefined;
  /** Its whole environment: `HOME`, `GNUPGHOME`, `PATH` … but no secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The key that files are signed with when they are written, and that has to have signed them when they are read. */
export interface Signing {
  /** An id in hexadecimal, a fingerprint or whatever gpg takes for a key. */
  readonly key: string;
  /** Of the secret key; none stands for the passphrase of the protection. */
  readonly passphrase?: Secret | undefined;
}

/** How the files of an archive are coded. */
export type Protection =
  | { readonly kind: 'none'; readonly compress: boolean }
  | {
      readonly kind: 'symmetric';
      readonly passphrase: Secret;
      readonly sign?: Signing | undefined;
      /** Whether OpenPGP compresses; it does unless told. */
      readonly compress?: boolean;
      readonly gpg: GpgSettings;
    }
  | {
      readonly kind: 'keys';
      /** Everybody who may read the files knows who these are; not so the hidden ones. */
      readonly recipients: readonly string[];
      readonly hiddenRecipients: readonly string[];
      /** Of the secret key that opens files. */
      readonly passphrase?: Secret | undefined;
      readonly sign?: Signing | undefined;
      readonly compress?: boolean;
      readonly gpg: GpgSettings;
    };
