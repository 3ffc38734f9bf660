import type { SecretMask } from '../program/mask-secrets.ts';

const secretNames =
  /(?:^|_)(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?)(?:_|$)|PASSWORD$|PASSPHRASE$|_PWD$/iu;

/** Where a secret is kept, and yes or no, is none. */
const harmless = /^(?:\/.*|[.~]\/.*|\d{0,3}|true|false|yes|no|on|off)$/isu;

/**
 * Sees to it that secrets in an environment do not show in output: the values of variables whose names say that they are one (`PASSPHRASE`,
 * `PGPASSWORD`, `AWS_SECRET_ACCESS_KEY`), and the passwords in addresses.
 */
export function maskEnvironment(
  mask: SecretMask,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (isSecretVariable(name, value)) mask.add(value);
    else if (/^[a-z][a-z0-9+.-]*:\/\/\S+$/iu.test(value)) mask.addAddress(value);
  }
}

/** Whether the value of a variable is a secret. */
export const isSecretVariable = (name: string, value: string): boolean =>
  secretNames.test(name) && !harmless.test(value);
