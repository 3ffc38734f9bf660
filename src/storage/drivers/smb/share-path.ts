import { AppError } from '../../../base/errors.ts';
import { checkObjectName } from '../../object-name.ts';

/** Share and directory of a path as in a URL, without slashes around them. Throws `input/usage` when it names no share. */
export function sharePath(path: string): string {
  const parts = path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '');
  const joined = parts.join('/');
  try {
    checkObjectName(joined);
  } catch (cause) {
    throw new AppError('input/usage', 'The SMB URL names no share', {
      cause,
      hint: 'Write smb://user@host/share/path; "smbclient -L host -U user" lists the shares',
    });
  }
  return joined;
}

/** `domain;user` and `domain\user` apart. */
export function userAndDomain(text: string): { readonly user: string; readonly domain?: string } {
  const [, domain, user] = /^([^;\\]+)[;\\](.+)$/su.exec(text) ?? [];
  return user === undefined || domain === undefined ? { user: text } : { user, domain };
}
