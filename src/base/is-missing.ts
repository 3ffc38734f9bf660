import { lstat } from 'node:fs/promises';

import { systemCodeOf } from './errors.ts';

/** Whether nothing has this name. What cannot be looked at may be there. */
export async function isMissing(place: string): Promise<boolean> {
  try {
    await lstat(place);
    return false;
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT';
  }
}
