import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { AppError, messageOf } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { unreadableKeyFile } from '../../network/identity-file.ts';

/** A private key as text, for a log-in, and where it came from for messages. */
export interface PrivateKey {
  readonly text: string;
  readonly origin: string;
}

/** How the library for SSH reads a key: an error instead of a throw. */
export type KeyParser = (text: string, passphrase?: string) => { isPrivateKey(): boolean } | Error;

/** Reads the file of a key. Rejects with `input/usage`. */
export async function readKeyFile(file: string): Promise<PrivateKey> {
  try {
    return { text: await readFile(file, 'utf8'), origin: `the identity file "${file}"` };
  } catch (error) {
    throw unreadableKeyFile(file, error);
  }
}

/** A key that was given itself: as it is, in base64, or as Duplicati writes it, `sshkey://` and percent-encoded. */
export function inlineKey(secret: Secret): PrivateKey {
  const origin = 'the key in the option "identity"';
  let text = secret.reveal().trim();
  if (text.startsWith('sshkey://')) {
    try {
      text = decodeURIComponent(text.slice('sshkey://'.length));
    } catch (error) {
      throw new AppError('input/usage', `Cannot read ${origin}: it is not percent-encoded`, {
        cause: error,
      });
    }
  }
  if (!/-----BEGIN |^PuTTY-User-Key-File/u.test(text))
    text = Buffer.from(text, 'base64').toString('utf8');
  // An environment file may have kept the ends of the lines as "\n".
  return { text: text.includes('\n') ? text : text.replaceAll(String.raw`\n`, '\n'), origin };
}

/**
 * The key in a form that the library reads, decrypted by it with `passphrase` if need be. Throws `input/usage` for what is no key, and
 * `storage/access-denied` for a passphrase that is missing or wrong.
 */
export function usableKey(
  { text, origin }: PrivateKey,
  parse: KeyParser,
  passphrase: Secret | undefined,
): { readonly key: string; readonly passphrase?: string } {
  const key = rewritten(text.trim(), origin, passphrase);
  if (isPrivateKey(parse(key))) return { key };
  const revealed = passphrase?.reveal();
  const parsed = revealed === undefined ? parse(key) : parse(key, revealed);
  if (isPrivateKey(parsed) && revealed !== undefined) return { key, passphrase: revealed };
  const reason = parsed instanceof Error ? parsed.message : 'it is a public key';
  // "Encrypted … detected, but no passphrase given", "… integrity check failed -- bad passphrase?"
  if (/encrypted|passphrase|integrity|unable to authenticate/iu.test(reason))
    throw wrongPassphrase(origin, revealed !== undefined, parsed);
  throw new AppError('input/usage', `Cannot read ${origin}: ${reason}`, {
    cause: parsed,
    hint: 'It has to be a private key (not the .pub) in the format of OpenSSH, PEM or PuTTY',
  });
}

/** PKCS #8, which the library does not read, in the older form for the kind of key. */
function rewritten(text: string, origin: string, passphrase: Secret | undefined): string {
  if (!/^-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----/u.test(text)) return text;
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey({ key: text, ...(passphrase && { passphrase: passphrase.reveal() }) });
  } catch (error) {
    if (text.startsWith('-----BEGIN ENCRYPTED'))
      throw wrongPassphrase(origin, passphrase !== undefined, error);
    throw new AppError('input/usage', `Cannot read ${origin}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const type = key.asymmetricKeyType;
  if (type === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString().trim();
  if (type === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString().trim();
  throw new AppError(
    'input/usage',
    `Cannot read ${origin}: a key of the type ${type ?? 'unknown'} in PKCS #8`,
    {
      hint: 'Bring it into the format of OpenSSH, with "ssh-keygen -p -f FILE" for instance',
    },
  );
}

function isPrivateKey(parsed: ReturnType<KeyParser>): boolean {
  return !(parsed instanceof Error) && parsed.isPrivateKey();
}

function wrongPassphrase(origin: string, wasGiven: boolean, cause: unknown): AppError {
  return new AppError(
    'storage/access-denied',
    wasGiven
      ? `The passphrase does not open ${origin}`
      : `A passphrase is needed to open ${origin}`,
    {
      cause,
      hint: 'Give it by the option "identity-passphrase", or add the key to an agent with "ssh-add"',
    },
  );
}
