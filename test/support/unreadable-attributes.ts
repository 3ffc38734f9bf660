import { asBuffer } from '../../src/base/bytes.ts';
import { libc } from '../../src/base/posix/libc.ts';

const eio = 5;

/** Until it is disposed of, the system cannot read the value of any extended attribute of what has one of these names. */
export function unreadableAttributes(names: readonly string[]): Disposable {
  const system = libc();
  const { lgetxattr, errno } = system;
  let hasFailed = false;
  system.lgetxattr = (path, ...rest) => {
    const text = asBuffer(path.subarray(0, path.indexOf(0))).toString();
    hasFailed = names.includes(text.slice(text.lastIndexOf('/') + 1));
    return hasFailed ? -1 : lgetxattr(path, ...rest);
  };
  system.errno = () => {
    if (!hasFailed) return errno();
    hasFailed = false;
    return eio;
  };
  return {
    [Symbol.dispose]() {
      Object.assign(system, { lgetxattr, errno });
    },
  };
}
