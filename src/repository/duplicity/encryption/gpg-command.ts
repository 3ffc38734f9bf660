import type { GpgSettings, Signing } from './protection.ts';

/** Descriptors gpg is given besides the usual three. */
export const passphraseDescriptor = 3;
export const statusDescriptor = 4;

export type GpgVersion = readonly [major: number, minor: number];

/** What a new file is protected with; without recipients by the passphrase. */
export interface GpgEncryption {
  readonly recipients: readonly string[];
  readonly hiddenRecipients: readonly string[];
  readonly sign: Signing | undefined;
  readonly compress: boolean;
}

/**
 * The command that encrypts standard input (docs/formats/duplicity.md 11.2), with two differences: the key that signs is demanded by `--local-user`,
 * because gpg passes over a `--default-key` it cannot use and signs with another one; and keys are not looked for in the network.
 */
export function encryptCommand(
  settings: GpgSettings,
  version: GpgVersion,
  { recipients, hiddenRecipients, sign, compress }: GpgEncryption,
): string[] {
  const hasKeys = recipients.length + hiddenRecipients.length > 0;
  return [
    ...beginning(settings),
    ...(sign === undefined ? [] : ['--local-user', sign.key]),
    ...recipients.flatMap((key) => ['--recipient', key]),
    ...hiddenRecipients.flatMap((key) => ['--hidden-recipient', key]),
    ...common(settings, version),
    '--force-mdc',
    ...(compress ? [] : ['--compress-algo=none']),
    ...(sign === undefined ? [] : ['--sign']),
    hasKeys ? '--encrypt' : '--symmetric',
  ];
}

/** The command that decrypts standard input. Never `--ignore-mdc-error`: what was changed must not count. */
export function decryptCommand(
  settings: GpgSettings,
  version: GpgVersion,
  hasKeys: boolean,
): string[] {
  const { secretKeyring } = settings;
  return [
    ...beginning(settings),
    ...common(settings, version),
    ...(secretKeyring === undefined || !hasKeys ? [] : ['--secret-keyring', secretKeyring]),
    '--decrypt',
  ];
}

/** Tells fingerprints of a key for programs. */
export function listKeysCommand(settings: GpgSettings, key: string): string[] {
  return [
    settings.program,
    '--batch',
    '--no-tty',
    '--no-auto-key-locate',
    ...settings.options,
    '--with-colons',
    '--fingerprint',
    '--list-keys',
    '--',
    key,
  ];
}

export function versionCommand(settings: GpgSettings): string[] {
  return [settings.program, ...settings.options, '--version'];
}

function beginning(settings: GpgSettings): string[] {
  return [
    settings.program,
    ...(settings.useAgent ? [] : ['--passphrase-fd', String(passphraseDescriptor)]),
    '--status-fd',
    String(statusDescriptor),
    '--batch',
    '--no-tty',
  ];
}

function common(settings: GpgSettings, [major, minor]: GpgVersion): string[] {
  const isModern = major > 2 || (major === 2 && minor >= 1);
  return [
    '--no-secmem-warning',
    '--no-auto-key-locate',
    ...(settings.useAgent && major === 1 ? ['--use-agent'] : []),
    ...(!settings.useAgent && isModern ? ['--pinentry-mode=loopback'] : []),
    ...settings.options,
  ];
}
