import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import type { Signed, Verifying } from './signed-object.ts';

/**
 * Decodes an object that any machine may have signed, also one that came after this program read who there is: if the object does not verify, the certificates are
 * read again first. Throws what `decode` throws.
 */
export async function decodeOfAnybody<Value>(
  access: Access,
  name: string,
  bytes: Uint8Array,
  decode: (name: string, bytes: Uint8Array, verifying: Verifying) => Signed<Value>,
  options: CallOptions = {},
): Promise<Signed<Value>> {
  try {
    return decode(name, bytes, access.verifying);
  } catch (error) {
    if (!hasCode(error, 'repository/damaged')) throw error;
    await access.refreshSigners(options);
    return decode(name, bytes, access.verifying);
  }
}
