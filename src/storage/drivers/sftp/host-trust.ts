import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { AppError, systemCodeOf } from '../../../base/errors.ts';
import {
  decodedKey,
  type HostKey,
  isAmong,
  type KnownKeys,
  knownKeys,
  keyTypeOf,
} from './known-hosts.ts';

/** By what a server is recognised: at least one of them has to say yes. */
export interface HostTrustSettings {
  readonly host: string;
  readonly port: number;
  /** A key, as in a file `.pub` or a line of `known_hosts`. */
  readonly hostKey: string | undefined;
  /** `SHA256:…` */
  readonly fingerprint: string | undefined;
  /** Files in the format of `known_hosts`; read only when there is neither key nor fingerprint. */
  readonly knownHosts: readonly string[];
}

/** The algorithms with which a server proves a key, by the type of the key, the best first. */
const algorithmsOf: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Decides whether a server is the one that is meant. There is no way to have every key accepted. */
export class HostTrust {
  readonly #where: string;
  readonly #fingerprint: string | undefined;
  readonly #known: KnownKeys;

  private constructor(where: string, fingerprint: string | undefined, known: KnownKeys) {
    this.#where = where;
    this.#fingerprint = fingerprint;
    this.#known = known;
  }

  /** Reads what is known of the server. Rejects with `input/usage` for a key, fingerprint or file that cannot be read. */
  static async load({
    host,
    port,
    hostKey,
    fingerprint,
    knownHosts,
  }: HostTrustSettings): Promise<HostTrust> {
    const where = port === 22 ? host : `[${host}]:${port}`;
    if (hostKey !== undefined || fingerprint !== undefined) {
      const accepted = hostKey === undefined ? [] : [parseHostKey(hostKey)];
      const wanted = fingerprint === undefined ? undefined : parseFingerprint(fingerprint);
      return new HostTrust(where, wanted, { accepted, revoked: [], hasAuthority: false });
    }
    const texts = await Promise.all(knownHosts.map(readIfThere));
    return new HostTrust(where, undefined, knownKeys(texts.join('\n'), host, port));
  }

  /** `SHA256:…` in the one form in which it is compared; empty when none was given. */
  get fingerprint(): string {
    return this.#fingerprint ?? '';
  }

  /**
   * Lists of algorithms for host keys that are to be offered, one after the other until the server proves a key that is trusted. A server
   * with several keys shows the first one for which an algorithm is offered, so only those of keys that are known are.
   */
  get offers(): readonly (readonly string[])[] {
    const known = this.#known.accepted.flatMap(({ type }) => algorithmsOf[type] ?? []);
    const all = Object.values(algorithmsOf);
    // With all of them at last, to be able to tell which key the server has instead.
    if (known.length > 0) return [[...new Set(known)], all.flat()];
    return this.#fingerprint === undefined ? [all.flat()] : all;
  }

  /** Why a key that a server has shown is not accepted; `undefined` when it is. */
  reasonAgainst(key: Uint8Array): AppError | undefined {
    const type = keyTypeOf(key);
    const fingerprint = fingerprintOf(key);
    const details = { fingerprint, type };
    const said = `${this.#where} shows a key of the type ${type} with the fingerprint ${fingerprint}`;
    if (isAmong(this.#known.revoked, key)) {
      return new AppError('storage/untrusted', `${said}, which is revoked in the known hosts`, {
        hint: 'Do not connect: somebody else may have this key. Ask whoever runs the server for its new key',
        details,
      });
    }
    if (fingerprint === this.#fingerprint || isAmong(this.#known.accepted, key)) return undefined;
    if (this.#fingerprint !== undefined || this.#known.accepted.length > 0) {
      return new AppError(
        'storage/untrusted',
        `The host key is another one than expected: ${said}`,
        {
          hint: 'Somebody may be listening in. If the server was set up anew, compare the fingerprint with "ssh-keygen -lf" of its key there, and replace the key that is known',
          details,
        },
      );
    }
    return new AppError('storage/untrusted', `The host key is not known: ${said}`, {
      hint: this.#known.hasAuthority
        ? 'Certificates of hosts are understood by the "ssh" program only: use the option "client=program"'
        : `Compare the fingerprint with "ssh-keygen -lf" of the key on the server; if it is the same, use the option "host-key-fingerprint=${fingerprint}", or add the key to ~/.ssh/known_hosts`,
      details,
    });
  }
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replaceAll('=', '')}`;
}

/** A host key out of a `.pub` file or a line of `known_hosts` (names in front are not looked at). Throws `input/usage`. */
export function parseHostKey(text: string): HostKey {
  const columns = text.trim().split(/\s+/u);
  for (const [index, type] of columns.entries()) {
    const key = decodedKey(type, columns[index + 1] ?? '');
    if (key !== undefined) return key;
  }
  throw new AppError('input/usage', 'The option "host-key" holds no host key', {
    hint: 'Write it as in the file .pub of the server: "ssh-ed25519 AAAA…"',
  });
}

function parseFingerprint(text: string): string {
  // Duplicati puts type and length in front: "ssh-ed25519 256 SHA256:…".
  const digest = /(?:^|\s)(?:SHA256:)?(?<digest>[A-Za-z0-9+/]{43})=?$/u.exec(text.trim())?.groups?.[
    'digest'
  ];
  if (digest !== undefined) return `SHA256:${digest}`;
  throw new AppError(
    'input/usage',
    'The option "host-key-fingerprint" holds no SHA256 fingerprint',
    {
      hint: 'Write it as "ssh-keygen -lf" prints it: "SHA256:" and 43 letters; fingerprints by MD5 are not accepted',
    },
  );
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw new AppError('input/usage', `Cannot read the known hosts in "${file}"`, { cause: error });
  }
}
