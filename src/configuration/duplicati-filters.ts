/**
 * Duplicati's groups of filters, as they are on Linux: patterns of its own syntax. (Its manual, "Filters in Duplicati"; the names have short forms.)
 */
const groups: readonly (readonly [names: readonly string[], patterns: readonly string[]])[] = [
  [
    ['systemfiles', 'system', 'sys'],
    ['/dev/', '/proc/', '/sys/', '/selinux/'],
  ],
  [
    ['operatingsystem', 'os'],
    ['/bin/', '/boot/', '/etc/', '/initrd/', '/sbin/', '/var/'],
  ],
  [
    ['temporaryfiles', 'tempfiles', 'temp', 'tmp'],
    ['*/lost+found/', '*~', '/tmp/'],
  ],
  [
    ['cachefiles', 'cache'],
    ['*/.cache/', '*/.config/google-chrome/*/cookies', '*/.mozilla/firefox/*/cache*'],
  ],
  [
    ['applications', 'apps', 'app'],
    ['/lib/', '/lib64/', '/opt/', '/usr/'],
  ],
];

/**
 * An expression of Duplicati's filters as patterns of ours: `*` and `?` there match slashes too, `[…]` is a regular expression of the whole path, `{…}` names groups, `@…` is
 * a path as it is; one that ends with a slash means a directory with everything in it.
 */
export function duplicatiRules(expression: string): string[] {
  const regular = /^\[(.*)\]$/su.exec(expression)?.[1];
  if (regular !== undefined) return [wholePath(regular, regular.endsWith('/'))];
  const named = /^\{(.*)\}$/su.exec(expression)?.[1];
  if (named !== undefined)
    return named.split(',').flatMap((name) => groupRules(name.trim().toLowerCase()));
  if (expression.startsWith('@'))
    return [wholePath(RegExp.escape(expression.slice(1)), expression.endsWith('/'))];
  const pattern = expression.replaceAll(/[*?]|[^*?]+/gu, (part) =>
    part === '*' ? '.*' : part === '?' ? '.' : RegExp.escape(part),
  );
  return [wholePath(pattern, expression.endsWith('/'))];
}

function groupRules(name: string): string[] {
  const isAll = ['defaultexcludes', 'exclude', 'excludes'].includes(name);
  return groups
    .filter(([names]) => isAll || names.includes(name))
    .flatMap(([, patterns]) => patterns.flatMap(duplicatiRules));
}

/** Paths of directories do not end with a slash here. */
function wholePath(pattern: string, isDirectory: boolean): string {
  if (!isDirectory) return `re:^(?:${pattern})$`;
  return `re:^(?:${pattern.replace(/(?:\\\/|\/|\\x2f)$/u, '')})(?:/|$)`;
}
