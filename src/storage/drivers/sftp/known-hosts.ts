import { createHmac } from 'node:crypto';

import { equalBytes } from '../../../base/bytes.ts';

/** What a `known_hosts` file says of a server, by the keys themselves (the decoded second column). */
export interface KnownKeys {
  /** Keys that are accepted, with their types as written. */
  readonly accepted: readonly HostKey[];
  /** Keys that are never accepted, whatever else says so. */
  readonly revoked: readonly HostKey[];
  /** There are lines with `@cert-authority` for the server. */
  readonly hasAuthority: boolean;
}

export interface HostKey {
  /** As `ssh-ed25519`. */
  readonly type: string;
  readonly key: Uint8Array;
}

/**
 * What lines in the format of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT", say of `host` at `port`. Lines that cannot be read, and those of
 * other servers, say nothing.
 */
export function knownKeys(text: string, host: string, port: number): KnownKeys {
  // As OpenSSH: a port other than 22 makes it another name, in brackets.
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const accepted: HostKey[] = [];
  const revoked: HostKey[] = [];
  let hasAuthority = false;
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/u);
    const marker = columns[0]?.startsWith('@') === true ? columns.shift() : undefined;
    const [patterns = '', type = '', encoded = ''] = columns;
    if (patterns.startsWith('#') || !matches(patterns, name)) continue;
    const key = decodedKey(type, encoded);
    if (key === undefined) continue;
    if (marker === undefined) accepted.push(key);
    else if (marker === '@revoked') revoked.push(key);
    else if (marker === '@cert-authority') hasAuthority = true;
  }
  return { accepted, revoked, hasAuthority };
}

/** A key as it stands in a file: its type, and base64 of the key, which begins with the type. */
export function decodedKey(type: string, encoded: string): HostKey | undefined {
  const key = Buffer.from(encoded, 'base64');
  return key.byteLength > 4 && keyTypeOf(key) === type
    ? { type, key: Uint8Array.from(key) }
    : undefined;
}

/** The type that a key in the form of the protocol begins with; empty when it is none. */
export function keyTypeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  if (bytes.byteLength < 4) return '';
  return bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1');
}

export function isAmong(keys: readonly HostKey[], key: Uint8Array): boolean {
  return keys.some((known) => equalBytes(known.key, key));
}

/** The first column: a hashed name, or patterns of which one has to match and none that begins with `!` may. */
function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) return matchesHash(patterns, name);
  let found = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern).test(name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesHash(hashed: string, name: string): boolean {
  const [, , salt = '', hash = ''] = hashed.split('|');
  const computed = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return equalBytes(computed, Buffer.from(hash, 'base64'));
}

/** `*` and `?` as in a shell; a run of `*` is one, so that no pattern takes long. */
function wildcard(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[\\^$.|+()[\]{}/]/gu, '\\$&')
    .replaceAll(/\*+/gu, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'u');
}
