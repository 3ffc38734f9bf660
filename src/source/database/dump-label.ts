import { type DatabaseAddress, serverName } from './database-url.ts';
import type { ToolRunner } from './tool-runner.ts';

/**
 * What a snapshot of a dump shows as its source: `postgresql/db.example:5433/app.dump`, or with a name of the user's `name.dump` (`name/app.dump` if it
 * stands for several).
 */
export function dumpLabel(
  {
    address,
    tools,
    name,
  }: {
    readonly address: DatabaseAddress;
    readonly tools: ToolRunner;
    readonly name?: string | undefined;
  },
  fileName: string,
  { isOneOfSeveral, extension }: { readonly isOneOfSeveral: boolean; readonly extension: string },
): string {
  if (name !== undefined) return isOneOfSeveral ? `${name}/${fileName}` : `${name}${extension}`;
  const server = serverName(address, tools.serverName);
  return `${address.kind}/${server}/${fileName}`;
}
