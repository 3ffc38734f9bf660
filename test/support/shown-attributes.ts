import { asBuffer } from '../../src/base/bytes.ts';
import type { Entry } from '../../src/model/entry.ts';

/** The extended attributes of an entry, `name=value`, separated by spaces. */
export function shownAttributes({ xattrs }: Pick<Entry, 'xattrs'>): string {
  return xattrs
    .map(({ name, value }) => `${asBuffer(name).toString()}=${asBuffer(value).toString()}`)
    .join(' ');
}
