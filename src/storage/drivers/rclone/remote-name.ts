import { AppError } from '../../../base/errors.ts';

/** A remote as rclone names it on its command line, and the part before its path. */
export interface RemoteName {
  /** `remote:path`. */
  readonly remote: string;
  /** The name in rclone's configuration; `undefined` for a remote that is described in full (`:sftp,host=…:path`). */
  readonly configured: string | undefined;
  /** Without options in it, of which any may be a secret. */
  readonly isPlain: boolean;
}

/**
 * What follows `rclone://`: `remote:path` as rclone has it, also with options (`remote,option=value:path`), or `remote/path`. Throws `input/usage` for a path of this machine, and for
 * what begins like a flag.
 */
export function parseRemoteName(text: string): RemoteName {
  requireQuotedAddresses(text);
  if (text.startsWith(':')) {
    if (/^:[a-z0-9]+[,:]/iu.test(text))
      return { remote: text, configured: undefined, isPlain: false };
    throw wrong(text);
  }
  const [, name = '', separator, path = ''] =
    /^([\p{L}\p{N}_.+@][\p{L}\p{N}_.+@ -]*)(?:(:|\/)(.*))?$/su.exec(text) ?? [];
  const changed = /^([\p{L}\p{N}_.+@-]+),[a-z0-9_]+=.*:/su.exec(text)?.[1];
  if (changed !== undefined && !changed.startsWith('-'))
    return { remote: text, configured: changed, isPlain: false };
  if (name === '' || name.endsWith(' ') || /^\.+$/u.test(name)) throw wrong(text);
  return {
    remote: `${name}:${separator === undefined ? '' : path}`,
    configured: name,
    isPlain: true,
  };
}

/** A remote whose name, or path, is said besides. Throws `input/usage` for a name with options, which only the URL is sure to hide. */
export function withParts(
  text: string,
  parts: { readonly name: string | undefined; readonly path: string | undefined },
): string {
  if (parts.name === undefined && parts.path === undefined) return text;
  const [, name = '', path = ''] = /^([^:/]*)(?:[:/](.*))?$/su.exec(text) ?? [];
  const said = parts.name?.replace(/:$/u, '') ?? name;
  if (/[,:]/u.test(said)) throw wrong(said);
  return `${said}:${parts.path ?? path}`;
}

/** For rclone a value without quotes ends at its first colon: what follows, often a password, would be the path, which rclone puts into its errors. */
function requireQuotedAddresses(text: string): void {
  const unquoted = text.replaceAll(/"[^"]*"|'[^']*'/gu, '');
  const [, option] = /^:?[^,:/]*,(?:[^:]*,)?([a-z0-9_]+)=https?:\/\//iu.exec(unquoted) ?? [];
  if (option === undefined) return;
  throw new AppError('input/usage', `The address in "${option}" of the remote has no quotes`, {
    hint: `Write it as rclone wants it: ${option}="https://…"`,
  });
}

function wrong(text: string): AppError {
  // Whatever follows a comma may be a secret.
  const shown = text.replace(/,.*/su, ',***');
  return new AppError('input/usage', `"rclone://${shown}" names no remote of rclone`, {
    hint: 'Write rclone://REMOTE:path with a name of "rclone listremotes"; for a directory of this machine write its path alone',
  });
}
